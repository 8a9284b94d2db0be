// The bar above a dashboard: time range, refresh, variables.

import { dropDown, h, show } from "./dom.js";
import { QUICK, durationMs, parseTime, rangeText } from "./times.js";
import { formatTime } from "./units.js";
import { ALL } from "./variables.js";

const REFRESH = ["", "5s", "10s", "30s", "1m", "5m", "15m", "30m", "1h"];
const format = (at) => formatTime(at, "YYYY-MM-DD HH:mm:ss");

/** The button with the time range; pick({from, to}) gets what is chosen. */
export function timePicker(raw, pick) {
  const body = (close) => {
    const chosen = (next) => {
      close();
      pick(next);
    };
    const quick = QUICK.map(([text, from, to]) => h("button", { class: from === raw.from && to === raw.to ? "active" : "", onclick: () => chosen({ from, to }) }, text));
    return h("div", { class: "time-picker" }, absolute(raw, chosen), h("div", { class: "quick" }, quick));
  };
  return dropDown([h("span", { class: "glyph" }, "◷ "), rangeText(raw, format)], body, { id: "time-range", title: "Time range" });
}

function absolute(raw, chosen) {
  const shown = (text) => (/^-?\d{9,}$/.test(text) ? format(Number(text)) : text);
  const from = h("input", { name: "from", value: shown(raw.from), spellcheck: "false" });
  const to = h("input", { name: "to", value: shown(raw.to), spellcheck: "false" });
  const problem = h("p", { class: "problem" });
  const apply = (event) => {
    event.preventDefault();
    const [start, end] = [parseTime(from.value, Date.now()), parseTime(to.value, Date.now(), true)];
    if (start === null || end === null || start >= end) {
      problem.textContent = "From and To: a time such as 2024-05-01 12:00 or now-6h, From before To";
      return;
    }
    const text = (input, at) => (input.value.trim().startsWith("now") ? input.value.trim() : String(at));
    chosen({ from: text(from, start), to: text(to, end) });
  };
  return h("form", { class: "absolute", onsubmit: apply }, h("label", {}, "From", from), h("label", {}, "To", to), problem, h("button", { class: "button primary", type: "submit" }, "Apply time range"));
}

/** Buttons to move the time range and to zoom out. */
export function rangeButtons(range, pick) {
  const span = range.to - range.from;
  const move = (by, grow = 0) => () => pick({ from: String(Math.round(range.from + span * (by - grow))), to: String(Math.round(range.to + span * (by + grow))) });
  return [
    h("button", { class: "button", title: "Back", onclick: move(-0.5) }, "‹"),
    h("button", { class: "button", title: "Forward", onclick: move(0.5) }, "›"),
    h("button", { class: "button", title: "Zoom out", onclick: move(0, 0.5) }, "⊖"),
  ];
}

/** Button to refresh now, and how often that happens by itself. */
export function refreshPicker(current, least, refreshNow, pick) {
  const offered = REFRESH.filter((each) => !each || durationMs(each) >= durationMs(least));
  if (current && !offered.includes(current)) offered.push(current);
  const options = offered.map((each) => h("option", { value: each, selected: each === current }, each || "Off"));
  return h(
    "div",
    { class: "refresh" },
    h("button", { class: "button", id: "refresh", title: "Refresh", onclick: refreshNow }, "⟳"),
    h("select", { id: "refresh-interval", title: "Refresh interval", onchange: (event) => pick(event.target.value) }, options),
  );
}

/** The inputs of variables; pick(variable, values) gets the chosen values. */
export function variableBar(variables, pick) {
  const shown = variables.filter((variable) => variable.hide !== 2 && variable.type !== "constant" && variable.type !== "adhoc");
  return shown.map((variable) => h("div", { class: "variable", "data-variable": variable.name }, variable.hide === 1 ? null : h("span", { class: "variable-label" }, variable.label || variable.name), inputOf(variable, pick)));
}

function inputOf(variable, pick) {
  if (variable.error) return h("span", { class: "problem", title: variable.error }, "⚠ failed");
  if (variable.type === "textbox") return h("input", { value: variable.current.value ?? "", onchange: (event) => pick(variable, [event.target.value]) });
  return dropDown(labelOf(variable), (close) => optionList(variable, pick, close), { title: variable.description || variable.name });
}

function labelOf(variable) {
  const texts = [variable.current.text].flat().filter((text) => text !== "" && text !== undefined);
  return texts.join(" + ") || "None";
}

function optionList(variable, pick, close) {
  const options = variable.includeAll ? [{ text: "All", value: ALL }, ...variable.options] : variable.options;
  let chosen = [variable.current.value].flat().map(String);
  const list = h("div", { class: "options" });
  const finish = () => {
    close();
    pick(variable, chosen);
  };
  const choose = (value) => {
    if (!variable.multi) {
      chosen = [value];
      return finish();
    }
    const others = chosen.filter((each) => each !== value && (each === ALL) === (value === ALL));
    chosen = chosen.includes(value) && others.length ? others : [...others, value];
    draw();
  };
  const filter = h("input", { class: "filter", placeholder: "Filter", oninput: () => draw() });
  const draw = () => {
    const wanted = options.filter(({ text }) => text.toLowerCase().includes(filter.value.toLowerCase())).slice(0, 500);
    show(list, wanted.map(({ text, value }) => h("button", { class: chosen.includes(String(value)) ? "active" : "", onclick: () => choose(String(value)) }, variable.multi ? (chosen.includes(String(value)) ? "☑ " : "☐ ") : "", text)));
  };
  draw();
  return [options.length > 8 ? filter : null, list, variable.multi ? h("button", { class: "button primary", onclick: finish }, "Apply") : null];
}
