// Panel "text": Markdown or HTML, of which only harmless parts are shown.

import { h, safeUrl, show } from "../dom.js";

const ALLOWED = new Set(
  "a b blockquote br caption center code col colgroup del details div em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre s small span strong sub summary sup table tbody td tfoot th thead tr u ul".split(" "),
);
const ATTRIBUTES = new Set(["href", "src", "alt", "title", "style", "class", "width", "height", "align", "colspan", "rowspan", "target"]);

/** Panel "text". */
export function renderText(body, { panel, fill }) {
  const { mode = "markdown", content = "" } = panel.options;
  const text = fill(content);
  if (mode === "html") return show(body, h("div", { class: "text" }, ...harmless(text)));
  if (mode === "text" || mode === "code") return show(body, h("pre", { class: "text" }, text));
  return show(body, h("div", { class: "text" }, ...markdown(text)));
}

/** Elements of HTML: names and attributes that can't run anything. */
export function harmless(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  return [...parsed.body.childNodes].flatMap(copyHarmless);
}

function copyHarmless(node) {
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const name = node.localName;
  if (!ALLOWED.has(name)) return ["script", "style", "iframe", "object", "embed"].includes(name) ? [] : [...node.childNodes].flatMap(copyHarmless);
  const copy = document.createElement(name);
  for (const { name: key, value } of node.attributes) {
    if (!ATTRIBUTES.has(key)) continue;
    if (key === "style" && /url\s*\(|expression|position\s*:\s*fixed/i.test(value)) continue;
    copy.setAttribute(key, key === "href" || key === "src" ? safeUrl(value) : value);
  }
  if (name === "a") copy.rel = "noreferrer noopener";
  copy.append(...[...node.childNodes].flatMap(copyHarmless));
  return [copy];
}

const BLOCKS = [
  [/^(#{1,6})\s+(.*)$/, (match) => h(`h${match[1].length}`, {}, ...inline(match[2]))],
  [/^\s*([-*_])(?:\s*\1){2,}\s*$/, () => h("hr")],
];

/** Elements of Markdown: headings, lists, code, quotes, tables, emphasis, links, pictures. HTML in it goes through `harmless`. */
export function markdown(text) {
  const lines = text.replace(/\r/g, "").split("\n");
  const out = [];
  while (lines.length) {
    const line = lines[0];
    if (!line.trim()) lines.shift();
    else if (/^\s*```/.test(line)) out.push(codeBlock(lines));
    else if (/^\s*</.test(line)) out.push(...harmless(takeWhile(lines, (each) => each.trim()).join("\n")));
    else if (/^>\s?/.test(line)) out.push(h("blockquote", {}, ...markdown(takeWhile(lines, (each) => /^>/.test(each)).map((each) => each.replace(/^>\s?/, "")).join("\n"))));
    else if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) out.push(list(lines));
    else if (/\|/.test(line) && /^[\s|:-]+$/.test(lines[1] ?? "") && /-/.test(lines[1] ?? "")) out.push(table(lines));
    else out.push(block(lines));
  }
  return out;
}

function block(lines) {
  for (const [pattern, make] of BLOCKS) {
    const match = pattern.exec(lines[0]);
    if (match) {
      lines.shift();
      return make(match);
    }
  }
  const ends = (each) => !each.trim() || /^(#{1,6}\s|>|\s*```|\s*([-*+]|\d+[.)])\s+)/.test(each);
  return h("p", {}, ...inline([lines.shift(), ...takeWhile(lines, (each) => !ends(each))].join("\n")));
}

function takeWhile(lines, test) {
  const taken = [];
  while (lines.length && test(lines[0])) taken.push(lines.shift());
  return taken;
}

function codeBlock(lines) {
  lines.shift();
  const inside = takeWhile(lines, (each) => !/^\s*```/.test(each));
  lines.shift();
  return h("pre", {}, h("code", {}, inside.join("\n")));
}

function list(lines) {
  const item = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
  const first = item.exec(lines[0]);
  const depth = first[1].length;
  const items = [];
  while (lines.length) {
    const match = item.exec(lines[0]);
    if (!match || match[1].length < depth) break;
    if (match[1].length > depth) items.at(-1)?.append(list(lines));
    else {
      lines.shift();
      items.push(h("li", {}, ...inline(match[3])));
    }
  }
  return h(/\d/.test(first[2]) ? "ol" : "ul", {}, items);
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const titles = cells(lines.shift());
  lines.shift();
  const rows = takeWhile(lines, (each) => each.includes("|")).map(cells);
  const row = (name, values) => h("tr", {}, values.map((value) => h(name, {}, ...inline(value))));
  return h("table", { class: "table" }, h("thead", {}, row("th", titles)), h("tbody", {}, rows.map((each) => row("td", each))));
}

const INLINE = [
  [/`([^`]+)`/, (match) => h("code", {}, match[1])],
  [/!\[([^\]]*)\]\(([^)\s]+)[^)]*\)/, (match) => h("img", { src: safeUrl(match[2]), alt: match[1] })],
  [/\[([^\]]+)\]\(([^)\s]+)[^)]*\)/, (match) => h("a", { href: safeUrl(match[2]), rel: "noreferrer noopener" }, ...inline(match[1]))],
  [/\*\*(.+?)\*\*|__(.+?)__/, (match) => h("strong", {}, ...inline(match[1] ?? match[2]))],
  [/\*([^*]+)\*|\b_([^_]+)_\b/, (match) => h("em", {}, ...inline(match[1] ?? match[2]))],
  [/~~(.+?)~~/, (match) => h("del", {}, ...inline(match[1]))],
  [/<([a-z]\w*)\b[^>]*>(?:.*?<\/\1>)?/i, (match) => harmless(match[0])],
  [/https?:\/\/[^\s<>()]+/, (match) => h("a", { href: safeUrl(match[0]), rel: "noreferrer noopener" }, match[0])],
  [/ {2}\n/, () => h("br")],
];

function inline(text) {
  let first = null;
  for (const [pattern, make] of INLINE) {
    const match = pattern.exec(text);
    if (match && (!first || match.index < first.match.index)) first = { match, make };
  }
  if (!first) return text ? [text] : [];
  const { match, make } = first;
  const rest = text.slice(match.index + match[0].length);
  return [text.slice(0, match.index), make(match), ...inline(rest)].flat().filter((each) => each !== "");
}
