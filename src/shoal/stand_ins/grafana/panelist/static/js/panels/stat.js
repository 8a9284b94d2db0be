// Single values: stat, gauge and bar gauge, one for each series.

import { colorFor, configFor, display, limitsOf, stepsOf, thresholdColor } from "../fields.js";
import { cssColor, readable, withAlpha } from "../colors.js";
import { h, show, svg } from "../dom.js";
import { reduce } from "../reduce.js";

/** {name, config, value, text, color, series} of each single value that a panel shows. */
export function singleValues({ panel, frames, series }) {
  const { calcs = ["lastNotNull"], fields = "", values = false } = panel.options.reduceOptions ?? {};
  const columns = chosenFields(frames, series, fields);
  const found = [];
  columns.forEach((column, index) => {
    const field = { name: column.name, type: column.field?.type ?? "number", refId: column.refId };
    const config = configFor(panel.fieldConfig, field);
    const name = config.displayName || column.name;
    const all = values ? column.values.slice(0, 25) : [reduce(column.values, calcs[0] ?? "lastNotNull")];
    for (const value of all) found.push({ ...shown(config, value, index, column), name, series: column });
  });
  return found;
}

function shown(config, value, index, column) {
  const [low, high] = limitsOf(config, column.values);
  const { text, color } = display(config, value);
  return { config, value, text: text || "No data", color: color ?? colorFor(config, value, index, low, high), low, high };
}

/** Series, or where the panel names a column ("/^version$/", "version"), that one of the tables. */
function chosenFields(frames, series, fields) {
  if (!fields) return series;
  const isNamed = /^\/(.*)\/$/.exec(fields);
  const fits = (name) => (isNamed ? new RegExp(isNamed[1]).test(name) : name === fields);
  const columns = frames.flatMap((frame) => frame.fields.filter((field) => fits(field.name)).map((field) => ({ name: field.name, field, values: field.values, times: [] })));
  return columns.length ? columns : series;
}

const around = ({ prefix = "", postfix = "" }, text, fill) => `${fill(prefix)}${text}${fill(postfix)}`;

/** Panel "stat". */
export function renderStat(body, context) {
  const { panel } = context;
  const options = panel.options;
  const values = singleValues(context);
  if (!values.length) return show(body, h("div", { class: "stat" }, h("div", { class: "stat-value" }, noValue(panel))));
  const mode = options.textMode ?? "auto";
  const showsName = mode === "value_and_name" || mode === "name" || (mode === "auto" && values.length > 1);
  const cells = values.map((each) => statCell(each, { options, mode, showsName, many: values.length > 1, context }));
  return show(body, h("div", { class: `stats ${isWide(body, options) ? "across" : "down"}` }, cells));
}

function noValue(panel) {
  return panel.fieldConfig.defaults.noValue || "No data";
}

function isWide(body, { orientation }) {
  if (orientation === "vertical") return true;
  return orientation !== "horizontal" && body.clientWidth > body.clientHeight;
}

function statCell(each, { options, mode, showsName, context }) {
  const { colorMode = "value", graphMode = "area" } = options;
  const isFilled = colorMode.startsWith("background");
  const ink = isFilled ? readable(each.color) : colorMode === "value" ? each.color : "var(--text)";
  const text = mode === "name" ? each.name : mode === "none" ? "" : around(options, each.text, context.fill);
  const name = showsName && mode !== "name" ? h("div", { class: "stat-name", style: { color: isFilled ? ink : "" } }, each.name) : null;
  const size = `min(${Math.max(7, 95 / Math.max(4, text.length))}cqw, 46cqh)`;
  return h(
    "div",
    { class: "stat", style: { background: isFilled ? each.color : "" }, title: `${each.name}: ${each.text}` },
    name,
    h("div", { class: "stat-value", style: { color: ink, fontSize: size } }, text),
    graphMode === "area" && each.series.times.length > 1 ? sparkline(each.series, isFilled ? ink : each.color) : null,
  );
}

function sparkline({ times, values }, color) {
  const points = times.map((at, index) => [at, values[index]]).filter(([, value]) => Number.isFinite(value));
  if (points.length < 2) return null;
  const [first, last] = [points[0][0], points.at(-1)[0]];
  const numbers = points.map(([, value]) => value);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const place = ([at, value]) => `${((at - first) / (last - first)) * 100},${36 - ((value - low) / (high - low || 1)) * 32}`;
  const line = points.map(place).join(" ");
  return svg(
    "svg",
    { class: "sparkline", viewBox: "0 0 100 40", preserveAspectRatio: "none" },
    svg("polygon", { points: `0,40 ${line} 100,40`, fill: withAlpha(color, 0.2) }),
    svg("polyline", { points: line, fill: "none", stroke: color, "stroke-width": 1, "vector-effect": "non-scaling-stroke" }),
  );
}

const START = -225;
const SWEEP = 270;

function arc(radius, from, to) {
  const point = (share) => {
    const angle = ((START + SWEEP * share) * Math.PI) / 180;
    return `${50 + radius * Math.cos(angle)} ${50 + radius * Math.sin(angle)}`;
  };
  return `M ${point(from)} A ${radius} ${radius} 0 ${SWEEP * (to - from) > 180 ? 1 : 0} 1 ${point(to)}`;
}

/** Panel "gauge". */
export function renderGauge(body, context) {
  const values = singleValues(context).map((each) => {
    const [low, high] = limitsOf(each.config, [], [0, 100]);
    const color = display(each.config, each.value).color ?? colorFor(each.config, each.value, 0, low, high);
    return { ...each, low, high, color };
  });
  if (!values.length) return show(body, h("div", { class: "nothing" }, noValue(context.panel)));
  return show(body, h("div", { class: "stats across" }, values.map((each) => gauge(each, context, values.length > 1))));
}

function gauge(each, { panel, fill }, showsName) {
  const share = Number.isFinite(each.value) ? Math.min(1, Math.max(0, (each.value - each.low) / (each.high - each.low))) : 0;
  const text = around(panel.options, each.text, fill);
  return h(
    "div",
    { class: "gauge" },
    svg(
      "svg",
      { viewBox: panel.options.showThresholdLabels ? "-28 -6 156 94" : "2 2 96 84", role: "img", "aria-label": `${each.name}: ${text}` },
      panel.options.showThresholdMarkers === false ? null : markers(each),
      svg("path", { d: arc(37, 0, 1), class: "gauge-track" }),
      share > 0 ? svg("path", { d: arc(37, 0, share), class: "gauge-arc", stroke: each.color }) : null,
      svg("text", { x: 50, y: 57, class: "gauge-value", fill: each.color, "font-size": Math.min(15, 88 / Math.max(4, text.length)) }, text),
      panel.options.showThresholdLabels ? labels(each) : null,
    ),
    showsName ? h("div", { class: "stat-name" }, each.name) : null,
  );
}

function shares({ config, low, high }) {
  const clamp = (value) => Math.min(1, Math.max(0, (value - low) / (high - low)));
  return stepsOf(config, low, high).map(({ value, color }) => ({ at: value === -Infinity ? 0 : clamp(value), value, color }));
}

function markers(each) {
  const steps = shares(each);
  return steps.map(({ at, color }, index) => {
    const end = steps[index + 1]?.at ?? 1;
    return end > at ? svg("path", { d: arc(45.5, at, end), class: "gauge-marker", stroke: cssColor(color) }) : null;
  });
}

function labels(each) {
  return shares(each).slice(1).map(({ at, value }) => {
    const angle = ((START + SWEEP * at) * Math.PI) / 180;
    const place = { x: 50 + 54 * Math.cos(angle), y: 50 + 54 * Math.sin(angle) };
    return svg("text", { ...place, class: "gauge-label", style: { textAnchor: place.x > 60 ? "start" : place.x < 40 ? "end" : "middle" } }, display(each.config, value).text);
  });
}

/** Panel "bargauge". */
export function renderBarGauge(body, context) {
  const { options } = context.panel;
  const values = singleValues(context);
  if (!values.length) return show(body, h("div", { class: "nothing" }, noValue(context.panel)));
  const [low, high] = limitsOf(values[0].config, values.map(({ value }) => value));
  const isVertical = options.orientation === "vertical" || (options.orientation !== "horizontal" && body.clientWidth > body.clientHeight * 1.5 && values.length < 12);
  const bars = values.map((each) => bar({ ...each, low, high }, options, isVertical));
  return show(body, h("div", { class: `bars ${isVertical ? "upright" : "lying"}` }, bars));
}

function bar(each, { displayMode = "gradient", showUnfilled = true }, isVertical) {
  const share = Number.isFinite(each.value) ? Math.min(1, Math.max(0, (each.value - each.low) / (each.high - each.low))) : 0;
  const own = display(each.config, each.value).color;
  const isContinuous = (each.config.color?.mode ?? "thresholds") !== "thresholds";
  const color = own ?? (isContinuous ? colorFor(each.config, each.value, 0, each.low, each.high) : thresholdColor(each.config, each.value, each.low, each.high));
  const size = `${Math.max(share * 100, 0.5)}%`;
  const background = displayMode === "gradient" ? `linear-gradient(${isVertical ? 0 : 90}deg, ${withAlpha(color, 0.25)}, ${withAlpha(color, 0.9)})` : withAlpha(color, 0.75);
  const filled = h("div", { class: "bar-fill", style: { background, borderColor: color, [isVertical ? "height" : "width"]: size } });
  return h(
    "div",
    { class: "bar", title: `${each.name}: ${each.text}` },
    h("div", { class: "bar-name" }, each.name),
    h("div", { class: showUnfilled ? "bar-track" : "bar-track bare" }, filled),
    h("div", { class: "bar-value", style: { color } }, each.text),
  );
}
