// Transformations: frames in, frames out.

import { patternOf } from "./fields.js";
import { distinctNames, lengthOf } from "./frames.js";
import { calcName, reduce } from "./reduce.js";

const TRANSFORMS = {
  merge: (frames) => merge(frames),
  organize: (frames, options) => frames.map((frame) => organize(frame, options)),
  filterFieldsByName: (frames, options) => frames.map((frame) => filterByName(frame, options)),
  reduce: (frames, options) => [reduceRows(frames, options)],
  seriesToRows: (frames) => [seriesToRows(frames)],
  joinByField: (frames, options) => [join(frames, options)],
  seriesToColumns: (frames, options) => [join(frames, options)],
  labelsToFields: (frames) => merge(frames.map(labelsToFields)),
  sortBy: (frames, options) => frames.map((frame) => sortBy(frame, options)),
  limit: (frames, options) => frames.map((frame) => rowsOf(frame, range(lengthOf(frame)).slice(0, Number(options.limitField ?? 10)))),
  filterByValue: (frames, options) => frames.map((frame) => filterByValue(frame, options)),
  renameByRegex: (frames, options) => frames.map((frame) => renameByRegex(frame, options)),
  filterByRefId: (frames, options) => frames.filter((frame) => patternOf(options.include ?? "").test(frame.refId ?? "")),
};

/** Frames after all transformations; {frames, unknown: [ids that nobody here knows]}. */
export function transform(frames, transformations) {
  const unknown = [];
  let current = frames;
  for (const { id, options, disabled } of transformations ?? []) {
    if (disabled) continue;
    if (TRANSFORMS[id]) current = TRANSFORMS[id](current, options ?? {});
    else unknown.push(id);
  }
  return { frames: current, unknown };
}

const range = (length) => Array.from({ length }, (_, index) => index);
const rowsOf = (frame, places) => ({
  ...frame,
  fields: frame.fields.map((field) => ({ ...field, values: places.map((place) => field.values[place]) })),
});
const copyOf = (field) => ({ ...field, values: [] });

/** Rows that agree in all texts and times that both frames have become one. */
function merge(frames) {
  const filled = frames.filter((frame) => frame.fields.length);
  if (filled.length < 2) return filled;
  const fields = new Map();
  for (const field of filled.flatMap((frame) => frame.fields)) if (!fields.has(field.name)) fields.set(field.name, copyOf(field));
  const isKey = (name) => fields.get(name).type !== "number";
  const shared = [...fields.keys()].filter((name) => isKey(name) && filled.every((frame) => frame.fields.some((field) => field.name === name)));
  const rows = new Map();
  filled.forEach((frame, frameIndex) => {
    for (const index of range(lengthOf(frame))) {
      const row = Object.fromEntries(frame.fields.map((field) => [field.name, field.values[index]]));
      const key = shared.length ? JSON.stringify(shared.map((name) => row[name])) : `${frameIndex}/${index}`;
      const same = (rows.get(key) ?? []).find((other) => agree(other, row));
      if (same) Object.assign(same, row);
      else rows.set(key, [...(rows.get(key) ?? []), row]);
    }
  });
  const all = [...rows.values()].flat();
  for (const field of fields.values()) field.values = all.map((row) => row[field.name] ?? null);
  return [{ fields: order([...fields.values()]) }];
}

const agree = (one, other) => Object.keys(other).every((key) => one[key] === undefined || one[key] === other[key]);
const order = (fields) => [...fields].sort((a, b) => Number(a.type === "number") - Number(b.type === "number"));

function organize(frame, { excludeByName = {}, includeByName = {}, indexByName = {}, renameByName = {} }) {
  const chosen = Object.values(includeByName).some(Boolean);
  const names = distinctColumnNames(frame);
  const fields = frame.fields
    .map((field, index) => ({ field, name: names[index], place: indexByName[names[index]] ?? index + 1000 * !(names[index] in indexByName) }))
    .filter(({ name }) => !excludeByName[name] && (!chosen || includeByName[name]))
    .sort((a, b) => a.place - b.place)
    .map(({ field, name }) => ({ ...field, name: renameByName[name] || name, displayName: "", labels: {} }));
  return { ...frame, fields };
}

/** Names of columns as people see them: what a legend says, else the field's name. */
function distinctColumnNames(frame) {
  return frame.fields.map((field) => (field.type === "number" && field.displayName ? field.displayName : field.name));
}

function filterByName(frame, { include, exclude }) {
  const fits = (filter, name) => (filter.names ?? []).includes(name) || (filter.pattern ? patternOf(filter.pattern).test(name) : false);
  const fields = frame.fields.filter(({ name }) => (!include || fits(include, name)) && !(exclude && fits(exclude, name)));
  return { ...frame, fields };
}

function numbersOf(frames) {
  const fields = frames.flatMap((frame) => frame.fields.filter((field) => field.type === "number"));
  const names = distinctNames(fields);
  return fields.map((field, index) => ({ field, name: names[index] }));
}

/** A row for each series: its name, and a column for each reducer. */
function reduceRows(frames, { reducers = ["lastNotNull"] }) {
  const series = numbersOf(frames);
  const columns = reducers.map((calc) => ({
    name: calcName(calc),
    type: "number",
    labels: {},
    values: series.map(({ field }) => reduce(field.values, calc)),
  }));
  return { fields: [{ name: "Field", type: "string", labels: {}, values: series.map(({ name }) => name) }, ...columns] };
}

/** A row for each point: Time, Metric, Value; newest first. */
function seriesToRows(frames) {
  const names = numbersOf(frames).map(({ name }) => name);
  const rows = [];
  let place = 0;
  for (const frame of frames) {
    const times = frame.fields.find((field) => field.type === "time")?.values ?? [];
    for (const field of frame.fields.filter((each) => each.type === "number")) {
      const name = names[place++];
      field.values.forEach((value, index) => rows.push([times[index], name, value]));
    }
  }
  rows.sort((a, b) => b[0] - a[0]);
  const column = (name, type, index) => ({ name, type, labels: {}, values: rows.map((row) => row[index]) });
  return { fields: [column("Time", "time", 0), column("Metric", "string", 1), column("Value", "number", 2)] };
}

/** Columns of all frames beside one another, by the values of one of them. */
function join(frames, { byField, mode = "outer" }) {
  const keyOf = (frame) => frame.fields.find((field) => (byField ? field.name === byField : field.type === "time"));
  const keyed = frames.filter(keyOf);
  if (!keyed.length) return { fields: [] };
  const places = keyed.map((frame) => new Map(keyOf(frame).values.map((value, index) => [value, index])));
  let keys = [...new Set(keyed.flatMap((frame) => keyOf(frame).values))];
  if (mode === "inner") keys = keys.filter((key) => places.every((place) => place.has(key)));
  if (keyOf(keyed[0]).type !== "string") keys.sort((a, b) => a - b);
  const fields = [{ ...keyOf(keyed[0]), values: keys }];
  const names = distinctNames(keyed.flatMap((frame) => frame.fields.filter((field) => field !== keyOf(frame))));
  keyed.forEach((frame, index) => {
    for (const field of frame.fields.filter((each) => each !== keyOf(frame))) {
      const values = keys.map((key) => (places[index].has(key) ? field.values[places[index].get(key)] : null));
      fields.push({ ...field, name: field.type === "number" ? names[fields.length - 1] : field.name, displayName: "", values });
    }
  });
  return { fields };
}

function labelsToFields(frame) {
  const number = frame.fields.find((field) => field.type === "number");
  const texts = Object.entries(number?.labels ?? {}).map(([name, value]) => ({
    name,
    type: "string",
    labels: {},
    values: number.values.map(() => value),
  }));
  return { ...frame, fields: [...frame.fields.filter((field) => field !== number), ...texts, ...(number ? [{ ...number, labels: {} }] : [])] };
}

/** Places of rows in the order of one column. */
export function sortedPlaces(field, desc) {
  const sign = desc ? -1 : 1;
  return range(field.values.length).sort((one, other) => sign * compare(field.values[one], field.values[other]));
}

function compare(one, other) {
  const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);
  if (isMissing(one) || isMissing(other)) return Number(isMissing(other)) - Number(isMissing(one));
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
}

function sortBy(frame, { sort = [] }) {
  const [first] = sort;
  const field = frame.fields.find((each) => each.name === first?.field);
  return field ? rowsOf(frame, sortedPlaces(field, first.desc)) : frame;
}

const TESTS = {
  greater: (value, limit) => value > limit,
  greaterOrEqual: (value, limit) => value >= limit,
  lower: (value, limit) => value < limit,
  lowerOrEqual: (value, limit) => value <= limit,
  equal: (value, wanted) => String(value) === String(wanted),
  notEqual: (value, wanted) => String(value) !== String(wanted),
  isNull: (value) => value === null || value === undefined,
  isNotNull: (value) => value !== null && value !== undefined,
  regex: (value, pattern) => patternOf(`/${pattern}/`).test(String(value)),
};

function filterByValue(frame, { filters = [], match = "any", type = "include" }) {
  const tests = filters.map(({ fieldName, config }) => {
    const field = frame.fields.find((each) => each.name === fieldName);
    return (index) => Boolean(TESTS[config?.id]?.(field?.values[index], config?.options?.value));
  });
  const holds = (index) => (match === "all" ? tests.every((test) => test(index)) : tests.some((test) => test(index)));
  return rowsOf(frame, range(lengthOf(frame)).filter((index) => holds(index) === (type === "include")));
}

function renameByRegex(frame, { regex = "", renamePattern = "" }) {
  const pattern = patternOf(/^\/.*\/[a-z]*$/.test(regex) ? regex : `/${regex}/`);
  const rename = (text) => text.replace(pattern, renamePattern);
  return {
    ...frame,
    fields: frame.fields.map((field) =>
      field.displayName ? { ...field, displayName: rename(field.displayName) } : { ...field, name: rename(field.name) },
    ),
  };
}
