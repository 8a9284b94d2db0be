// Panel "table": a frame as rows and columns, sorted by a click on a heading.

import { colorFor, configFor, display, limitsOf } from "../fields.js";
import { readable, withAlpha } from "../colors.js";
import { h, safeUrl, show } from "../dom.js";
import { lengthOf } from "../frames.js";
import { sortedPlaces } from "../transforms.js";
import { formatTime } from "../units.js";

const MOST_ROWS = 1000;

/** Columns that are shown: {field, config, title, isNumber}. */
export function columnsOf(frame, fieldConfig) {
  return frame.fields
    .map((field) => {
      const name = field.type === "number" && field.displayName ? field.displayName : field.name;
      const config = configFor(fieldConfig, { ...field, name });
      return { field, config, title: config.displayName || name, isNumber: field.type === "number" };
    })
    .filter(({ config }) => !config.custom.hidden && !config.custom.hideFrom?.viz);
}

/** Panel "table". */
export function renderTable(body, context) {
  const { panel, frames, state } = context;
  const filled = frames.filter((frame) => frame.fields.length && lengthOf(frame));
  if (!filled.length) return show(body, h("div", { class: "nothing" }, "No data"));
  state.frame = Math.min(state.frame ?? 0, filled.length - 1);
  const frame = filled[state.frame];
  const columns = columnsOf(frame, panel.fieldConfig);
  const redraw = () => renderTable(body, context);
  const places = rowOrder(columns, frame, panel.options, state);
  const size = panel.options.pageSize || MOST_ROWS;
  const pages = Math.ceil(places.length / size);
  state.page = Math.min(state.page ?? 0, pages - 1);
  const rows = places.slice(state.page * size, (state.page + 1) * size);
  const heading = panel.options.showHeader === false ? null : h("thead", {}, h("tr", {}, columns.map((column) => headingOf(column, state, redraw))));
  const table = h("table", { class: "table" }, heading, h("tbody", {}, rows.map((place) => rowOf(columns, place, context))));
  const footer = pages > 1 ? pager(state, pages, redraw) : null;
  return show(body, h("div", { class: "table-holder" }, table), footer, filled.length > 1 ? chooser(filled, state, redraw) : null);
}

function rowOrder(columns, frame, options, state) {
  state.sort ??= initialSort(columns, options);
  const column = columns.find(({ title }) => title === state.sort?.title);
  return column ? sortedPlaces(column.field, state.sort.desc) : Array.from({ length: lengthOf(frame) }, (_, index) => index);
}

function initialSort(columns, { sortBy, sortIndex }) {
  if (sortBy?.length) return { title: sortBy[0].displayName, desc: Boolean(sortBy[0].desc) };
  const column = columns[sortIndex?.column];
  return column ? { title: column.title, desc: sortIndex.desc } : null;
}

function headingOf({ title, isNumber, config }, state, redraw) {
  const isSorted = state.sort?.title === title;
  const sort = () => {
    state.sort = { title, desc: isSorted ? !state.sort.desc : isNumber };
    redraw();
  };
  const align = alignOf(config, isNumber);
  return h("th", { onclick: sort, style: { textAlign: align }, "aria-sort": isSorted ? (state.sort.desc ? "descending" : "ascending") : "none" }, title, isSorted ? (state.sort.desc ? " ↓" : " ↑") : "");
}

const alignOf = (config, isNumber) => config.custom.align && config.custom.align !== "auto" ? config.custom.align : isNumber ? "right" : "left";

function rowOf(columns, place, context) {
  return h("tr", {}, columns.map((column) => cellOf(column, place, context)));
}

function cellOf({ field, config, isNumber }, place, { fill }) {
  const value = field.values[place];
  const isTime = field.type === "time" && !/^(time:|dateTime)/.test(config.unit ?? "");
  const { text, color: own } = isTime ? { text: formatTime(value, "YYYY-MM-DD HH:mm:ss"), color: null } : display(config, value);
  const kind = config.custom.cellOptions?.type ?? config.custom.displayMode ?? "auto";
  const style = { textAlign: alignOf(config, isNumber) };
  if (kind !== "auto" && (isNumber || own)) {
    const [low, high] = limitsOf(config, field.values);
    const color = own ?? colorFor(config, value, 0, low, high);
    if (kind.startsWith("color-background")) Object.assign(style, { background: color, color: readable(color) });
    else if (kind === "color-text") style.color = color;
    else if (kind === "gauge" || kind.includes("gauge")) style.background = gaugeBackground(color, (value - low) / (high - low));
  } else if (own) style.color = own;
  return h("td", { style }, linkOf(config, text, value, fill));
}

function gaugeBackground(color, share) {
  const percent = `${Math.round(Math.min(1, Math.max(0, share || 0)) * 100)}%`;
  return `linear-gradient(90deg, ${withAlpha(color, 0.45)} ${percent}, transparent ${percent})`;
}

function linkOf(config, text, value, fill) {
  const link = config.links?.[0];
  if (!link?.url) return text;
  const url = fill(link.url.replace(/\$\{?__(?:cell|value\.(?:raw|text))\}?/g, encodeURIComponent(String(value))));
  return h("a", { href: safeUrl(url), title: fill(link.title ?? ""), target: link.targetBlank ? "_blank" : null, rel: "noreferrer" }, text);
}

function pager(state, pages, redraw) {
  const go = (page) => () => {
    state.page = page;
    redraw();
  };
  return h("div", { class: "pager" }, Array.from({ length: pages }, (_, page) => h("button", { class: page === state.page ? "active" : "", onclick: go(page) }, String(page + 1))));
}

function chooser(frames, state, redraw) {
  const pick = (event) => {
    state.frame = Number(event.target.value);
    redraw();
  };
  const name = (frame, index) => frame.fields.find((field) => field.displayName)?.displayName ?? `Query ${frame.refId ?? index + 1}`;
  return h("select", { class: "frame-chooser", onchange: pick }, frames.map((frame, index) => h("option", { value: String(index), selected: index === state.frame }, name(frame, index))));
}
