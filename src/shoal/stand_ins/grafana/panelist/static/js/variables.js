// Variables of dashboards: their place in texts, and where their values come from.

import { patternOf } from "./fields.js";
import { durationMs, durationText } from "./times.js";

export const ALL = "$__all";
const PLACE = /\$\{(\w+)(?:\.[^}:]*)?(?::([^}]*))?\}|\[\[(\w+)(?::(\w+))?\]\]|\$(\w+)/g;

// Twice escaped: once for the pattern, once for the string in quotes that it stands in.
const escapeRegex = (text) => text.replace(/\\/g, "\\\\\\\\").replace(/[$^*{}[\]'+?.()|]/g, "\\\\$&");
const escapePattern = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
const escapeQuotes = (text) => text.replace(/\\/g, "\\\\").replace(/"/g, '\\"');
const regexText = (values) => (values.length === 1 ? escapeRegex(values[0]) : `(${values.map(escapeRegex).join("|")})`);

const FORMATS = {
  regex: (values) => (values.length === 1 ? escapePattern(values[0]) : `(${values.map(escapePattern).join("|")})`),
  pipe: (values) => values.join("|"),
  csv: (values) => values.join(","),
  raw: (values) => values.join(","),
  glob: (values) => (values.length > 1 ? `{${values.join(",")}}` : values.join("")),
  json: (values) => JSON.stringify(values),
  doublequote: (values) => values.map((value) => `"${value.replace(/"/g, '\\"')}"`).join(","),
  singlequote: (values) => values.map((value) => `'${value.replace(/'/g, "\\'")}'`).join(","),
  percentencode: (values) => encodeURIComponent(values.join(",")),
  text: (values, variable) => [variable.current.text].flat().join(" + "),
  queryparam: (values, variable) => values.map((value) => `var-${encodeURIComponent(variable.name)}=${encodeURIComponent(value)}`).join("&"),
};

/** The values that are chosen; of "All" every option, or what stands for all of them. */
export function chosenValues(variable) {
  const values = [variable.current?.value ?? ""].flat().map(String);
  if (!values.includes(ALL)) return values;
  if (variable.allValue) return [variable.allValue];
  return (variable.options ?? []).map((option) => String(option.value)).filter((value) => value !== ALL);
}

const isAll = (variable) => [variable.current?.value].flat().includes(ALL);

/** As queries of Prometheus want it: a pattern where several can be chosen, else with quotes escaped. */
function promql(variable) {
  const values = chosenValues(variable);
  if (isAll(variable) && variable.allValue) return variable.allValue;
  if (variable.multi || variable.includeAll) return regexText(values);
  return escapeQuotes(values.join(","));
}

/**
 * `text` with the variables replaced; what is no variable stays as it is, such as macros that the server knows.
 * kind: "query" or "text" (titles, legends).
 */
export function interpolate(text, variables, kind = "text", extra = {}) {
  if (typeof text !== "string" || !/[$[]/.test(text)) return text;
  return text.replace(PLACE, (whole, braced, format, square, squareFormat, bare) => {
    const name = braced ?? square ?? bare;
    const wanted = format ?? squareFormat;
    if (name in extra) return formatTimeVariable(extra[name], wanted);
    const variable = variables.find((each) => each.name === name);
    if (!variable) return whole;
    const values = chosenValues(variable);
    if (wanted && FORMATS[wanted]) return FORMATS[wanted](values, variable);
    if (kind === "query") return promql(variable);
    return isAll(variable) ? "All" : values.join(" + ");
  });
}

function formatTimeVariable(value, format) {
  if (!format) return String(value);
  if (format === "date" || format === "date:iso") return new Date(Number(value)).toISOString();
  if (format === "date:seconds") return String(Math.floor(Number(value) / 1000));
  return String(value);
}

/** Names of the variables that `text` holds. */
export function namesIn(text) {
  return [...String(text ?? "").matchAll(PLACE)].map((match) => match[1] ?? match[3] ?? match[5]);
}

/** Variables in an order in which each comes after those that it needs. */
export function inOrder(variables) {
  const done = new Set();
  const ordered = [];
  let rest = [...variables];
  while (rest.length) {
    const needs = (variable) =>
      [...namesIn(variable.query), ...namesIn(variable.regex), ...namesIn(variable.datasource?.uid)].filter((name) =>
        rest.some((other) => other.name === name && other !== variable),
      );
    const ready = rest.filter((variable) => needs(variable).every((name) => done.has(name)));
    // A circle: as they come.
    const next = ready.length ? ready : [rest[0]];
    next.forEach((variable) => done.add(variable.name));
    ordered.push(...next);
    rest = rest.filter((variable) => !next.includes(variable));
  }
  return ordered;
}

const CALL = /^\s*(label_values|label_names|metrics|query_result)\s*\(([\s\S]*)\)\s*$/;

/** What a query variable asks the data source: {path, parameters, read: its data -> texts}. */
export function planQuery(text, range) {
  const call = CALL.exec(text ?? "");
  const times = { start: Math.floor(range.from / 1000), end: Math.ceil(range.to / 1000) };
  if (!call) return { path: "api/v1/query", parameters: { query: text, time: times.end }, read: resultTexts };
  const [, name, inside] = call;
  if (name === "label_names") return { path: "api/v1/labels", parameters: times, read: (data) => data };
  if (name === "metrics") {
    const pattern = patternOf(`/${inside.trim().replace(/^["']|["']$/g, "")}/`);
    return { path: "api/v1/label/__name__/values", parameters: times, read: (data) => data.filter((each) => pattern.test(each)) };
  }
  if (name === "query_result") return { path: "api/v1/query", parameters: { query: inside, time: times.end }, read: resultTexts };
  const comma = lastComma(inside);
  const label = inside.slice(comma + 1).trim();
  const parameters = comma < 0 ? times : { ...times, "match[]": inside.slice(0, comma).trim() };
  return { path: `api/v1/label/${encodeURIComponent(label)}/values`, parameters, read: (data) => data };
}

/** Place of the last comma that is in no brackets and no quotes, -1 where there is none. */
function lastComma(text) {
  const bare = text.replace(/\{[^{}]*\}|\([^()]*\)|"[^"]*"/g, (part) => "_".repeat(part.length));
  return bare.lastIndexOf(",");
}

function resultTexts(data) {
  if (data.resultType === "scalar" || data.resultType === "string") return [String(data.result[1])];
  return data.result.map(({ metric, value, values }) => {
    const { __name__: name = "", ...labels } = metric;
    const [at, number] = value ?? values.at(-1);
    return `${name}{${Object.entries(labels).map(([key, text]) => `${key}="${text}"`).join(",")}} ${number} ${Math.round(at * 1000)}`;
  });
}

/** Options of texts: those that the variable's pattern fits, of which its first group is taken; sorted, each once. */
export function optionsOf(texts, variable) {
  const pattern = variable.regex ? patternOf(variable.regex.startsWith("/") ? variable.regex : `/${variable.regex}/`) : null;
  const found = new Map();
  for (const text of texts.map(String)) {
    const match = pattern ? pattern.exec(text) : [text];
    if (!match) continue;
    const value = match.groups?.value ?? match[1] ?? match[0];
    const shown = match.groups?.text ?? value;
    if (!found.has(value)) found.set(value, { text: shown, value });
  }
  return sorted([...found.values()], variable.sort ?? 0);
}

function sorted(options, sort) {
  if (!sort) return options;
  const number = ({ text }) => Number(/-?\d+(\.\d+)?/.exec(text)?.[0] ?? -1);
  const compare = {
    1: (a, b) => (a.text < b.text ? -1 : 1),
    3: (a, b) => number(a) - number(b),
    5: (a, b) => a.text.toLowerCase().localeCompare(b.text.toLowerCase()),
    7: (a, b) => a.text.localeCompare(b.text, "en", { numeric: true }),
  }[sort % 2 ? sort : sort - 1];
  const ordered = [...options].sort(compare);
  return sort % 2 ? ordered : ordered.reverse();
}

/** Options of a variable that asks nobody; null for one that does. */
export function ownOptions(variable, sources, range) {
  const parts = String(variable.query ?? "").split(/(?<!\\),/).map((part) => part.trim().replace(/\\,/g, ",")).filter(Boolean);
  switch (variable.type) {
    case "custom":
      return parts.map((part) => {
        const [text, value] = part.split(/ : /);
        return { text: text.trim(), value: (value ?? text).trim() };
      });
    case "constant":
    case "textbox":
      return [{ text: variable.current?.text ?? variable.query ?? "", value: variable.current?.value ?? variable.query ?? "" }];
    case "interval":
      return [...(variable.auto ? [autoInterval(variable, range)] : []), ...parts.map((part) => ({ text: part, value: part }))];
    case "datasource":
      return optionsOf(sources.filter((source) => source.type === variable.query).map((source) => source.name), variable);
    default:
      return null;
  }
}

function autoInterval(variable, range) {
  const least = durationMs(variable.auto_min) || 10_000;
  const length = Math.max(least, (range.to - range.from) / (variable.auto_count || 30));
  return { text: "auto", value: durationText(Math.ceil(length / 1000) * 1000), isAuto: true };
}

/** What is chosen: as the address says, else as saved, else the first option. */
export function choose(variable, options, asked) {
  const all = { text: "All", value: ALL };
  const offered = variable.includeAll ? [all, ...options] : options;
  const wanted = asked ?? [variable.current?.value ?? []].flat();
  if (variable.type === "textbox" || variable.type === "constant") {
    const value = String(asked?.[0] ?? options[0]?.value ?? "");
    return { text: value, value };
  }
  const isWanted = (option) => wanted.map(String).some((each) => each === String(option.value) || each === option.text);
  let chosen = offered.filter((option) => isWanted(option) || (option === all && wanted.includes("All")));
  if (variable.type === "interval" && wanted.some((each) => String(each).startsWith("$__auto"))) chosen = options.filter((option) => option.isAuto);
  if (!chosen.length && offered.length) chosen = [offered[0]];
  if (!chosen.length && asked?.length) chosen = asked.map((value) => ({ text: value, value }));
  if (variable.multi) return { text: chosen.map((option) => option.text), value: chosen.map((option) => option.value) };
  return chosen[0] ? { text: chosen[0].text, value: chosen[0].value } : { text: "", value: "" };
}
