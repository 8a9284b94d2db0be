// What a graph draws: series with their settings, gaps, stacks, axes. No drawing here.

import { PALETTE, cssColor, continuous } from "../colors.js";
import { configFor, limitsOf, thresholdColor } from "../fields.js";
import { reduce } from "../reduce.js";

/** Lines of a graph: {name, color, config, times, values, calcs…}, in the order of the queries. */
export function linesOf({ panel, series }) {
  const lines = series.map((each, index) => {
    const config = configFor(panel.fieldConfig, { name: each.name, type: "number", refId: each.refId });
    const values = prepare(each.values, config.custom);
    return { ...each, key: each.name, name: config.displayName || each.name, config, custom: config.custom, values, color: lineColor(config, values, index) };
  });
  const { hideEmpty, hideZero } = panel.options.legend ?? {};
  return lines.filter((line) => {
    if (line.custom.hideFrom?.viz) return false;
    const known = line.values.filter((value) => value !== null);
    return !(hideEmpty && !known.length) && !(hideZero && known.every((value) => value === 0));
  });
}

function prepare(values, custom) {
  const sign = custom.transform === "negative-Y" ? -1 : 1;
  return values.map((value) => (Number.isFinite(value) ? value * sign : custom.nullAsZero ? 0 : null));
}

function lineColor(config, values, index) {
  const mode = config.color?.mode ?? "palette-classic";
  if (mode === "fixed" || mode === "shades") return cssColor(config.color.fixedColor);
  const last = reduce(values, "lastNotNull");
  const [low, high] = limitsOf(config, values);
  if (mode === "thresholds") return thresholdColor(config, last, low, high);
  if (mode.startsWith("continuous")) return continuous(mode, (last - low) / (high - low));
  return PALETTE[index % PALETTE.length];
}

/** {times, columns}: all lines on the same times, with an empty place wherever a line has a gap. */
export function align(lines, range) {
  const times = new Set(lines.flatMap((line) => line.times));
  const step = Math.max(0, ...lines.map((line) => line.interval ?? 0));
  const sorted = [...times].sort((a, b) => a - b);
  const all = step ? withGaps(sorted, step) : sorted;
  if (!all.length) return { times: [range.from, range.to], columns: lines.map(() => [null, null]) };
  const columns = lines.map((line) => {
    const known = new Map(line.times.map((at, index) => [at, line.values[index]]));
    return all.map((at) => known.get(at) ?? null);
  });
  return { times: all, columns };
}

function withGaps(times, step) {
  const all = [];
  times.forEach((at, index) => {
    if (index && at - times[index - 1] > step * 1.5) all.push(times[index - 1] + step);
    all.push(at);
  });
  return all;
}

/** Columns as they are drawn, and pairs of columns that a filling lies between: stacked ones stand on each other. */
export function stack(lines, columns, hidden) {
  const drawn = columns.map((column) => [...column]);
  const bands = [];
  const groups = new Map();
  lines.forEach((line, index) => {
    const { mode = "none", group = "A" } = line.custom.stacking ?? {};
    if (mode === "none" || hidden.has(line.key)) return;
    const key = `${group}/${mode}/${line.custom.axisPlacement === "right"}`;
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  for (const [key, members] of groups) {
    if (key.includes("/percent/")) toShares(drawn, members);
    pile(drawn, members, bands);
  }
  return { drawn, bands };
}

function toShares(columns, members) {
  for (let row = 0; row < columns[members[0]].length; row += 1) {
    const total = members.reduce((sum, member) => sum + Math.abs(columns[member][row] ?? 0), 0);
    for (const member of members) if (columns[member][row] !== null) columns[member][row] = total ? columns[member][row] / total : 0;
  }
}

function pile(columns, members, bands) {
  members.forEach((member, place) => {
    if (!place) return;
    const below = members[place - 1];
    columns[member] = columns[member].map((value, row) => {
      const base = columns[below][row];
      return value === null ? base : value + (base ?? 0);
    });
    bands.push([member, below]);
  });
}

/** Axes by side and unit: {key, side, unit, decimals, label, min, max, log}; the first is the left one. */
export function axesOf(lines) {
  const axes = new Map();
  for (const line of lines) {
    const { custom, config } = line;
    const isPercent = custom.stacking?.mode === "percent";
    const side = custom.axisPlacement === "right" ? "right" : "left";
    const unit = isPercent ? "percentunit" : (config.unit ?? "short");
    const key = `${side}/${unit}`;
    line.axis = key;
    const axis = axes.get(key) ?? { key, side, unit, decimals: config.decimals ?? null, label: custom.axisLabel ?? "", isHidden: custom.axisPlacement === "hidden" };
    axis.min ??= numberOf(config.min) ?? (isPercent ? 0 : null);
    axis.max ??= numberOf(config.max) ?? (isPercent ? 1 : null);
    axis.softMin ??= numberOf(custom.axisSoftMin);
    axis.softMax ??= numberOf(custom.axisSoftMax);
    axis.log ??= custom.scaleDistribution?.type === "log" ? custom.scaleDistribution.log || 10 : null;
    axis.bars ||= custom.drawStyle === "bars" || custom.fillOpacity > 0;
    axes.set(key, axis);
  }
  // A second unit on the left goes to the right, where it can be told apart.
  let left = 0;
  for (const axis of axes.values()) if (axis.side === "left" && left++) axis.side = "right";
  return [...axes.values()];
}

const numberOf = (value) => (value === null || value === undefined || value === "" || Number.isNaN(Number(value)) ? null : Number(value));

/** Lowest and highest of an axis for data from `low` to `high`. */
export function scaleRange(axis, low, high) {
  if (low === null || low === undefined || !Number.isFinite(low)) [low, high] = [axis.min ?? 0, axis.max ?? 1];
  if (axis.log) return [axis.min || low, axis.max ?? high];
  const span = high - low || Math.abs(high) || 1;
  let from = low - span * 0.1;
  let to = high + span * 0.1;
  if (low >= 0 && (from < 0 || axis.bars)) from = 0;
  if (high <= 0 && to > 0) to = 0;
  from = axis.min ?? Math.min(from, axis.softMin ?? from);
  to = axis.max ?? Math.max(to, axis.softMax ?? to);
  return to > from ? [from, to] : [from, from + 1];
}
