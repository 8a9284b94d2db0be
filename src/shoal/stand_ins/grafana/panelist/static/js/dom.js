// Small helpers for elements. Text always goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("div", {class: "x", onclick: f}, child, "text", [more]). null and false children are left out. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** As h, for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style" && typeof value === "object") Object.assign(element.style, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Put other children into an element. */
export function show(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** Close whatever pops up when a click goes elsewhere; returns a function that stops listening. */
export function onOutside(element, close) {
  const listen = (event) => {
    if (!element.contains(event.target)) close();
  };
  document.addEventListener("pointerdown", listen, true);
  return () => document.removeEventListener("pointerdown", listen, true);
}

/** Links that leave the site's own scheme (javascript:, data:) become "#". */
export function safeUrl(url) {
  const text = String(url ?? "").trim();
  if (/^(https?:|mailto:)/i.test(text) || /^[/?#]/.test(text)) return text;
  return /^[a-z][a-z0-9+.-]*:/i.test(text) ? "#" : text;
}

/** A drop-down button with a body made when it is opened. */
export function dropDown(label, makeBody, attributes = {}) {
  const button = h("button", { class: "button", type: "button", "aria-haspopup": "true", ...attributes }, label);
  const holder = h("div", { class: "dropdown" }, button);
  let stop = null;
  const close = () => {
    holder.querySelector(".popup")?.remove();
    stop?.();
    stop = null;
  };
  button.addEventListener("click", () => {
    if (stop) return close();
    holder.append(h("div", { class: "popup" }, makeBody(close)));
    stop = onOutside(holder, close);
  });
  return holder;
}
