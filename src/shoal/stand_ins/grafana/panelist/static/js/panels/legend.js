// Legends of graphs: a list or a table with values. A click shows one series alone, with Ctrl it hides one.

import { display } from "../fields.js";
import { h } from "../dom.js";
import { calcName, reduce } from "../reduce.js";

/** The legend of `lines`. state.hidden: names of series that are not drawn. */
export function legend(lines, { displayMode = "list", calcs = [] }, state, redraw) {
  const shown = lines.filter((line) => !line.custom.hideFrom?.legend);
  const pick = (line) => (event) => {
    toggle(line, lines, state, event.ctrlKey || event.metaKey || event.shiftKey);
    redraw();
  };
  if (displayMode === "table") return asTable(shown, calcs, state, pick, redraw);
  return h("ul", { class: "legend list" }, shown.map((line) => h("li", {}, entry(line, state, pick), ...calcs.map((calc) => valueOf(line, calc)))));
}

function toggle(line, lines, state, isAdding) {
  const { hidden } = state;
  const others = lines.filter((each) => each !== line);
  if (isAdding) {
    if (!hidden.delete(line.key)) hidden.add(line.key);
  } else if (!hidden.has(line.key) && others.length && others.every((each) => hidden.has(each.key))) hidden.clear();
  else {
    others.forEach((each) => hidden.add(each.key));
    hidden.delete(line.key);
  }
}

function entry(line, state, pick) {
  const isHidden = state.hidden.has(line.key);
  return h(
    "button",
    { class: isHidden ? "series off" : "series", onclick: pick(line), "aria-pressed": String(!isHidden), title: line.name },
    h("i", { class: "swatch", style: { background: line.color } }),
    line.custom.axisPlacement === "right" ? `${line.name} (right)` : line.name,
  );
}

const numberOf = (line, calc) => reduce(line.values, calc);

function valueOf(line, calc) {
  return h("span", { class: "legend-value" }, `${calcName(calc)}: ${display(line.config, numberOf(line, calc)).text}`);
}

function asTable(lines, calcs, state, pick, redraw) {
  const sort = state.legendSort;
  const ordered = sort ? [...lines].sort((a, b) => ((numberOf(a, sort.calc) ?? -Infinity) - (numberOf(b, sort.calc) ?? -Infinity)) * (sort.desc ? -1 : 1)) : lines;
  const sortBy = (calc) => () => {
    state.legendSort = sort?.calc === calc ? (sort.desc ? { calc, desc: false } : null) : { calc, desc: true };
    redraw();
  };
  const mark = (calc) => (sort?.calc === calc ? (sort.desc ? " ↓" : " ↑") : "");
  return h(
    "div",
    { class: "legend" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", {}, "Name"), calcs.map((calc) => h("th", { onclick: sortBy(calc) }, calcName(calc) + mark(calc))))),
      h("tbody", {}, ordered.map((line) => h("tr", {}, h("td", {}, entry(line, state, pick)), calcs.map((calc) => h("td", { class: "number" }, display(line.config, numberOf(line, calc)).text))))),
    ),
  );
}
