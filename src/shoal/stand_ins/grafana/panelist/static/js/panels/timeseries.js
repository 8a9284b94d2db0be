// Panel "timeseries": lines, bars and points over time, drawn by uPlot.

import uPlot from "/public/vendor/uplot.js";
import { withAlpha } from "../colors.js";
import { h, show } from "../dom.js";
import { display, stepsOf } from "../fields.js";
import { formatTime, formatValue } from "../units.js";
import { legend } from "./legend.js";
import { align, axesOf, linesOf, scaleRange, stack } from "./series.js";

/** Panel "timeseries". Returns what takes it down. */
export function renderTimeseries(body, context) {
  const { panel, state, range } = context;
  state.hidden ??= new Set();
  const lines = linesOf(context);
  const options = panel.options.legend ?? {};
  const redraw = () => {
    state.destroy?.();
    renderTimeseries(body, context);
  };
  const canvas = h("div", { class: "plot" });
  const placement = options.placement === "right" ? "right" : "bottom";
  const shown = options.showLegend === false || options.displayMode === "hidden" ? null : legend(lines, options, state, redraw);
  show(body, h("div", { class: `graph legend-${placement}` }, canvas, shown));
  if (!lines.length) canvas.append(h("div", { class: "nothing" }, "No data"));
  const plot = draw(canvas, lines, range, context);
  state.destroy = () => plot.destroy();
  return state.destroy;
}

function draw(canvas, lines, range, context) {
  const { state, panel } = context;
  const { times, columns } = align(lines, range);
  const { drawn, bands } = stack(lines, columns, state.hidden);
  const axes = axesOf(lines);
  const tip = tooltip(canvas, lines, columns, context);
  const options = {
    width: Math.max(60, canvas.clientWidth),
    height: Math.max(40, canvas.clientHeight),
    ms: 1,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, sync: { key: "dashboard", setSeries: false } },
    scales: scalesOf(axes, range),
    axes: [timeAxis(), ...valueAxes(axes)],
    series: [{}, ...lines.map((line) => seriesOptions(line, state.hidden, bands, lines))],
    bands: bands.map(([upper, lower]) => ({ series: [upper + 1, lower + 1], fill: fillOf(lines[upper]) })),
    hooks: {
      setCursor: [tip],
      setSelect: [(plot) => selected(plot, context)],
      drawClear: [(plot) => drawThresholds(plot, panel, axes[0], false)],
      draw: [(plot) => drawThresholds(plot, panel, axes[0], true), (plot) => drawAnnotations(plot, context.annotations ?? [])],
    },
  };
  const plot = new uPlot(options, [times, ...drawn], canvas);
  canvas.dataset.points = String(columns.reduce((sum, column) => sum + column.filter((value) => value !== null).length, 0));
  return plot;
}

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function scalesOf(axes, range) {
  const scales = { x: { time: true, range: () => [range.from, range.to] } };
  for (const axis of axes) {
    const distribution = axis.log ? { distr: 3, log: axis.log === 2 ? 2 : 10 } : {};
    scales[axis.key] = { ...distribution, range: (_, low, high) => scaleRange(axis, low, high) };
  }
  if (!axes.length) scales.y = { range: [0, 1] };
  return scales;
}

function timeAxis() {
  const values = (_, splits, __, ___, step) => splits.map((at) => formatTime(at, timeFormat(step)));
  return { ...plainAxis(), size: 28, space: 70, values };
}

function timeFormat(step) {
  if (step < 60_000) return "HH:mm:ss";
  if (step < 86_400_000) return "HH:mm";
  return step < 20 * 86_400_000 ? "MM/DD" : "YYYY-MM";
}

function plainAxis() {
  const grid = { stroke: ink("--grid"), width: 1 };
  return { stroke: ink("--muted"), grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif", labelFont: "11px system-ui, sans-serif" };
}

function valueAxes(axes) {
  if (!axes.length) return [{ ...plainAxis(), scale: "y", size: 40 }];
  return axes.map((axis, index) => {
    const values = (_, splits) => tickTexts(splits, axis);
    const size = (plot, texts) => (texts ? 14 + Math.max(...texts.map((text) => String(text ?? "").length)) * 6.4 : 50);
    return {
      ...plainAxis(),
      scale: axis.key,
      show: !axis.isHidden,
      side: axis.side === "right" ? 1 : 3,
      grid: { ...plainAxis().grid, show: index === 0 },
      label: axis.label || undefined,
      labelSize: 18,
      space: 30,
      incrs: incrementsFor(axis.unit),
      values,
      size,
    };
  });
}

/** 0.30000000000000004 is 0.3. */
const tidy = (value) => Number(value.toPrecision(12));
const MOST_DECIMALS = 6;

/** Texts at the ticks of an axis, all with as few decimals as tell the truth. */
export function tickTexts(splits, { unit, decimals }) {
  const known = splits.filter((value) => value !== null).map(tidy);
  const isTrue = (value, digits) => Math.abs(parseFloat(formatValue(value, unit, digits)) - parseFloat(formatValue(value, unit, MOST_DECIMALS))) < 1e-9;
  let digits = decimals;
  if (digits === null) for (digits = 0; digits < MOST_DECIMALS && !known.every((value) => isTrue(value, digits)); ) digits += 1;
  return splits.map((value) => (value === null ? "" : formatValue(tidy(value), unit, digits)));
}

const BINARY = /^(bytes|bits|kbytes|mbytes|gbytes|binBps|binbps)$/;

function incrementsFor(unit) {
  if (!BINARY.test(unit)) return undefined;
  return Array.from({ length: 62 }, (_, power) => 2 ** power);
}

function fillOf(line) {
  const opacity = (line.custom.fillOpacity ?? 0) / 100;
  return opacity > 0 ? withAlpha(line.color, opacity) : undefined;
}

function seriesOptions(line, hidden, bands, lines) {
  const { custom } = line;
  const style = custom.drawStyle ?? "line";
  const isUpper = bands.some(([upper]) => lines[upper] === line);
  const paths = { bars: uPlot.paths.bars({ size: [0.8, 60] }), points: () => null }[style] ?? linePath(custom.lineInterpolation);
  return {
    label: line.name,
    scale: line.axis,
    show: !hidden.has(line.key),
    stroke: line.color,
    width: style === "points" ? 0 : (custom.lineWidth ?? 1),
    dash: custom.lineStyle?.fill === "dash" ? (custom.lineStyle.dash ?? [10, 10]) : undefined,
    fill: style === "bars" ? withAlpha(line.color, Math.max(0.3, (custom.fillOpacity ?? 0) / 100)) : isUpper ? undefined : fillOf(line),
    spanGaps: custom.spanNulls === true,
    paths,
    points: pointsOf(style, custom.showPoints, line),
  };
}

/** A point alone between two gaps is drawn, or nothing of it would be seen. */
function pointsOf(style, showPoints, line) {
  if (style === "points" || showPoints === "always") return { show: true, size: line.custom.pointSize ?? 5, fill: line.color };
  const lonely = (_, __, values = line.values) => values.length === 1;
  return lonely() ? { show: true, size: 5, fill: line.color } : { show: false };
}

function linePath(interpolation) {
  if (interpolation === "stepAfter") return uPlot.paths.stepped({ align: 1 });
  if (interpolation === "stepBefore") return uPlot.paths.stepped({ align: -1 });
  return interpolation === "smooth" ? uPlot.paths.spline() : uPlot.paths.linear();
}

function selected(plot, { zoom }) {
  const { left, width } = plot.select;
  if (width < 5) return;
  const [from, to] = [left, left + width].map((place) => Math.round(plot.posToVal(place, "x")));
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  if (to > from) zoom?.({ from: String(from), to: String(to) });
}

function drawThresholds(plot, panel, axis, isOver) {
  const { custom = {}, thresholds } = panel.fieldConfig.defaults;
  const mode = custom.thresholdsStyle?.mode ?? "off";
  if (!thresholds || !axis || !mode.match(isOver ? /line|dashed/ : /area/)) return;
  const { ctx, bbox } = plot;
  const [low, high] = [plot.scales[axis.key].min, plot.scales[axis.key].max];
  const steps = stepsOf(panel.fieldConfig.defaults, low, high);
  const y = (value) => plot.valToPos(Math.min(high, Math.max(low, value)), axis.key, true);
  ctx.save();
  steps.forEach(({ value, color }, index) => {
    if (isOver && value > low && value < high) {
      ctx.strokeStyle = withAlpha(color, 0.8);
      ctx.setLineDash(mode.includes("dashed") ? [8, 6] : []);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y(value));
      ctx.lineTo(bbox.left + bbox.width, y(value));
      ctx.stroke();
    } else if (!isOver) {
      const [top, bottom] = [y(steps[index + 1]?.value ?? high), y(Math.max(value, low))];
      ctx.fillStyle = withAlpha(color, 0.12);
      if (bottom > top) ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    }
  });
  ctx.restore();
}

function drawAnnotations(plot, annotations) {
  const { ctx, bbox, scales } = plot;
  ctx.save();
  for (const { time, timeEnd } of annotations) {
    if (timeEnd < scales.x.min || time > scales.x.max) continue;
    const [left, right] = [time, timeEnd].map((at) => plot.valToPos(Math.max(scales.x.min, Math.min(scales.x.max, at)), "x", true));
    ctx.fillStyle = withAlpha("blue", 0.12);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.strokeStyle = withAlpha("blue", 0.9);
    ctx.setLineDash([4, 4]);
    ctx.strokeRect(left, bbox.top, 0.5, bbox.height);
  }
  ctx.restore();
}

/** What follows the pointer: the time and the values there. */
function tooltip(canvas, lines, columns, { panel, state, annotations = [] }) {
  const { mode = "single", sort = "none" } = panel.options.tooltip ?? {};
  const box = h("div", { class: "tooltip", hidden: true });
  canvas.append(box);
  return (plot) => {
    const { left, top, idx, event } = plot.cursor;
    box.hidden = idx === null || idx === undefined || left < 0 || mode === "none" || !event;
    if (box.hidden) return;
    let rows = lines.map((line, index) => ({ line, value: columns[index][idx], distance: Math.abs(plot.valToPos(plot.data[index + 1][idx] ?? NaN, line.axis) - top) }));
    rows = rows.filter(({ line, value }) => value !== null && value !== undefined && !state.hidden.has(line.key) && !line.custom.hideFrom?.tooltip);
    if (mode === "single") rows = rows.sort((a, b) => a.distance - b.distance).slice(0, 1);
    else if (sort !== "none") rows.sort((a, b) => (sort === "desc" ? b.value - a.value : a.value - b.value));
    const at = plot.data[0][idx];
    const near = annotations.filter(({ time, timeEnd }) => Math.abs(plot.valToPos(time, "x") - left) < 6 || (timeEnd > time && at >= time && at <= timeEnd));
    show(
      box,
      h("div", { class: "tooltip-time" }, formatTime(at, "YYYY-MM-DD HH:mm:ss")),
      near.map(({ text }) => h("div", { class: "tooltip-note" }, text)),
      rows.slice(0, 25).map(({ line, value }) => tooltipRow(line, value)),
    );
    const isRight = left > plot.over.clientWidth / 2;
    box.style.left = `${plot.over.offsetLeft + left + (isRight ? -14 : 14)}px`;
    box.style.top = `${plot.over.offsetTop + Math.max(0, top - 10)}px`;
    box.style.transform = isRight ? "translateX(-100%)" : "";
  };
}

function tooltipRow(line, value) {
  return h(
    "div",
    { class: "tooltip-row" },
    h("i", { class: "swatch", style: { background: line.color } }),
    h("span", { class: "tooltip-name" }, line.name),
    h("b", {}, display(line.config, value).text),
  );
}
