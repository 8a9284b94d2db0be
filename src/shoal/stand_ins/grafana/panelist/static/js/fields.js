// How a value is shown: unit, decimals, mappings, thresholds, colour; per field by overrides.

import { PALETTE, continuous, cssColor } from "./colors.js";
import { formatValue } from "./units.js";

/** A matcher's pattern: "/x/i" is a regular expression, anything else is meant whole. */
export function patternOf(text) {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(text);
  try {
    return parts ? new RegExp(parts[1], parts[2].replace("g", "")) : new RegExp(`^(?:${text})$`);
  } catch {
    return /(?!)/;
  }
}

function fits(matcher, field) {
  const wanted = matcher?.options;
  switch (matcher?.id) {
    case "byName":
      return field.name === wanted;
    case "byRegexp":
    case "byRegex":
      return patternOf(wanted).test(field.name);
    case "byNames": {
      const isNamed = (wanted?.names ?? []).includes(field.name);
      return wanted?.mode === "exclude" ? !isNamed : isNamed;
    }
    case "byType":
      return field.type === wanted;
    case "byFrameRefID":
      return field.refId === wanted;
    case "byValue":
      return false;
    default:
      return false;
  }
}

/** The settings of one field: the panel's, and over them what its overrides say. */
export function configFor(fieldConfig, field) {
  const config = structuredClone(fieldConfig?.defaults ?? {});
  config.custom ??= {};
  for (const { matcher, properties } of fieldConfig?.overrides ?? []) {
    if (!fits(matcher, field)) continue;
    for (const { id, value } of properties ?? []) {
      if (id.startsWith("custom.")) setPath(config.custom, id.slice(7).split("."), value);
      else config[id] = value;
    }
  }
  return config;
}

function setPath(target, path, value) {
  const last = path.pop();
  for (const key of path) target = target[key] ??= {};
  target[last] = value;
}

/** {text, color} of the first mapping that fits, or null. */
export function mapValue(mappings, value) {
  const ordered = [...(mappings ?? [])];
  for (const { type, options } of ordered) {
    const result = MAPPINGS[type]?.(options ?? {}, value);
    if (result) return result;
  }
  return null;
}

const MAPPINGS = {
  value: (options, value) => options[String(value)] ?? null,
  range: ({ from, to, result }, value) =>
    typeof value === "number" && value >= (from ?? -Infinity) && value <= (to ?? Infinity) ? result : null,
  regex: ({ pattern, result }, value) => {
    const text = String(value ?? "");
    const match = patternOf(pattern).exec(text);
    return match && result ? { ...result, text: result.text === undefined ? undefined : text.replace(patternOf(pattern), result.text) } : null;
  },
  special: ({ match, result }, value) => (SPECIALS[match]?.(value) ? result : null),
};
const SPECIALS = {
  null: (value) => value === null || value === undefined,
  nan: (value) => Number.isNaN(value),
  "null+nan": (value) => value === null || value === undefined || Number.isNaN(value),
  true: (value) => value === true,
  false: (value) => value === false,
  empty: (value) => value === "",
};

const DEFAULT_STEPS = [
  { value: null, color: "green" },
  { value: 80, color: "red" },
];

/** Steps upwards, their values of the scale that the data has. */
export function stepsOf(config, low = config.min ?? 0, high = config.max ?? 100) {
  const steps = config.thresholds?.steps ?? DEFAULT_STEPS;
  const isShare = config.thresholds?.mode === "percentage";
  return steps.map((step, index) => {
    if (index === 0 || step.value === null || step.value === undefined) return { value: -Infinity, color: step.color };
    return { value: isShare ? low + ((high - low) * step.value) / 100 : step.value, color: step.color };
  });
}

/** Colour of the step that `value` is on. */
export function thresholdColor(config, value, low, high) {
  const steps = stepsOf(config, low, high);
  const reached = steps.filter((step) => value >= step.value);
  return cssColor((reached.at(-1) ?? steps[0])?.color ?? "green");
}

/** Colour of a value by the field's scheme. index: place of its series. */
export function colorFor(config, value, index = 0, low = config.min ?? 0, high = config.max ?? 100) {
  const mode = config.color?.mode ?? "thresholds";
  if (mode === "fixed") return cssColor(config.color.fixedColor);
  if (mode.startsWith("palette")) return PALETTE[index % PALETTE.length];
  if (mode.startsWith("continuous")) return continuous(mode, (value - low) / (high - low));
  return thresholdColor(config, value, low, high);
}

/** {text, color} of a value: by mappings, else by its unit. color: null where only the field's scheme says it. */
export function display(config, value) {
  const mapped = mapValue(config.mappings, value);
  const color = mapped?.color ? cssColor(mapped.color) : null;
  if (mapped && mapped.text !== undefined && mapped.text !== "") return { text: String(mapped.text), color };
  if (value === null || value === undefined) return { text: config.noValue ?? "", color };
  if (typeof value === "number" && Number.isNaN(value)) return { text: config.noValue ?? "NaN", color };
  return { text: formatValue(value, config.unit, config.decimals ?? null), color };
}

/** Lowest and highest of the scale: as set, else what the data has. */
export function limitsOf(config, values, fallback = [0, 100]) {
  const numbers = values.filter((value) => typeof value === "number" && Number.isFinite(value));
  const low = numberOr(config.min, numbers.length ? Math.min(...numbers) : fallback[0]);
  const high = numberOr(config.max, numbers.length ? Math.max(...numbers) : fallback[1]);
  return high > low ? [low, high] : [low, low + 1];
}

function numberOr(value, fallback) {
  return value === null || value === undefined || value === "" || Number.isNaN(Number(value)) ? fallback : Number(value);
}
