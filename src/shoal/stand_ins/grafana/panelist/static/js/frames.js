// Data frames: what the server answers, as series and as tables.
// A frame here: {refId, fields: [{name, type, labels, values, displayName}]}.

const SPECIAL = { NaN: NaN, Inf: Infinity, NegInf: -Infinity };

/** Frames of one result. */
export function decodeFrames(result) {
  return (result?.frames ?? []).map(({ schema, data }) => ({
    refId: schema.refId,
    kind: schema.meta?.type,
    fields: schema.fields.map((field, index) => ({
      name: field.name,
      type: field.type,
      labels: field.labels ?? {},
      displayName: field.config?.displayNameFromDS || "",
      interval: field.config?.interval ?? 0,
      values: decodeValues(data.values[index] ?? [], data.entities?.[index]),
    })),
  }));
}

function decodeValues(values, entities) {
  if (!entities) return values;
  const decoded = [...values];
  for (const [kind, places] of Object.entries(entities)) {
    for (const place of places) decoded[place] = SPECIAL[kind];
  }
  return decoded;
}

/** The columns of numbers of all frames as series: {name, labels, refId, times, values}. */
export function seriesOf(frames) {
  const series = [];
  for (const frame of frames) {
    const time = frame.fields.find((field) => field.type === "time");
    for (const field of frame.fields) {
      if (field.type === "number") series.push({ refId: frame.refId, field, times: time?.values ?? [], values: field.values, interval: time?.interval ?? 0 });
    }
  }
  const names = distinctNames(series.map((each) => each.field));
  return series.map((each, index) => ({ ...each, name: names[index], labels: each.field.labels }));
}

/** Names of fields; where no legend names them, by the labels in which they differ. */
export function distinctNames(fields) {
  const keys = new Set(fields.flatMap((field) => Object.keys(field.labels ?? {})));
  const differing = [...keys].filter((key) => new Set(fields.map((field) => field.labels?.[key])).size > 1);
  const counts = {};
  return fields.map((field) => {
    const name = field.displayName || byLabels(field, differing);
    counts[name] = (counts[name] ?? 0) + 1;
    return counts[name] > 1 ? `${name} ${counts[name]}` : name;
  });
}

function byLabels(field, differing) {
  const labels = field.labels ?? {};
  const metric = labels.__name__ ?? "";
  const rest = differing.filter((key) => key !== "__name__" && labels[key] !== undefined);
  if (rest.length === 1 && !differing.includes("__name__")) return labels[rest[0]];
  if (rest.length) return `${metric}{${rest.map((key) => `${key}="${labels[key]}"`).join(", ")}}`;
  const all = Object.entries(labels).filter(([key]) => key !== "__name__");
  if (metric) return metric;
  return all.length === 1 ? all[0][1] : all.length ? `{${all.map(([key, value]) => `${key}="${value}"`).join(", ")}}` : field.name;
}

/** Series of the queries whose format is "table" as one table each: Time, the labels, Value. */
export function labelTables(frames, targets) {
  const tables = [];
  const asked = targets.filter((target) => !target.hide);
  const many = asked.length > 1;
  for (const target of asked) {
    const own = frames.filter((frame) => frame.refId === target.refId);
    if (target.format !== "table") tables.push(...own);
    else if (own.length) tables.push(labelTable(own, target.refId, many));
  }
  return tables;
}

function labelTable(frames, refId, many) {
  const keys = [...new Set(frames.flatMap((frame) => Object.keys(frame.fields[1]?.labels ?? {})))].sort();
  const time = { name: "Time", type: "time", labels: {}, values: [] };
  const texts = keys.map((key) => ({ name: key, type: "string", labels: {}, values: [] }));
  const value = { name: many ? `Value #${refId}` : "Value", type: "number", labels: {}, values: [] };
  for (const frame of frames) {
    const [times, numbers] = frame.fields;
    times.values.forEach((at, index) => {
      time.values.push(at);
      texts.forEach((text) => text.values.push(numbers.labels[text.name] ?? ""));
      value.values.push(numbers.values[index]);
    });
  }
  return { refId, fields: [time, ...texts, value] };
}

/** How many rows a frame has. */
export const lengthOf = (frame) => Math.max(0, ...frame.fields.map((field) => field.values.length));
