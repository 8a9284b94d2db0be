// Many values as one.

const known = (values) => values.filter((value) => value !== null && value !== undefined && !Number.isNaN(value));
const sum = (values) => values.reduce((total, value) => total + value, 0);

function variance(values) {
  const mean = sum(values) / values.length;
  return sum(values.map((value) => (value - mean) ** 2)) / values.length;
}

function steps(values) {
  return values.slice(1).map((value, index) => Math.abs(value - values[index]));
}

/** What a counter went up by, its restarts left out. */
function delta(values) {
  return sum(values.slice(1).map((value, index) => (value >= values[index] ? value - values[index] : value)));
}

const CALCS = {
  lastNotNull: ["Last *", (values) => values.at(-1)],
  firstNotNull: ["First *", (values) => values[0]],
  min: ["Min", (values) => Math.min(...values)],
  max: ["Max", (values) => Math.max(...values)],
  mean: ["Mean", (values) => sum(values) / values.length],
  sum: ["Total", sum],
  count: ["Count", (values) => values.length],
  range: ["Range", (values) => Math.max(...values) - Math.min(...values)],
  delta: ["Delta", delta],
  step: ["Step", (values) => Math.min(...steps(values))],
  diff: ["Difference", (values) => values.at(-1) - values[0]],
  diffperc: ["Difference percent", (values) => (values.at(-1) - values[0]) / values[0]],
  stdDev: ["StdDev", (values) => Math.sqrt(variance(values))],
  variance: ["Variance", variance],
  logmin: ["Min (above zero)", (values) => Math.min(...values.filter((value) => value > 0))],
  median: ["Median", (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]],
  distinctCount: ["Distinct count", (values) => new Set(values).size],
  changeCount: ["Change count", (values) => steps(values).filter((step) => step !== 0).length],
};

/** Name of a reducer for people. */
export function calcName(calc) {
  if (calc === "last") return "Last";
  if (calc === "first") return "First";
  return CALCS[calc]?.[0] ?? calc;
}

/** One value of many; null where there is none, or nobody knows the reducer. Sums of nothing are 0. */
export function reduce(values, calc) {
  if (calc === "last") return values.at(-1) ?? null;
  if (calc === "first") return values[0] ?? null;
  if (calc === "allIsNull") return known(values).length === 0;
  const rest = known(values);
  if (!rest.length) return calc === "count" || calc === "sum" ? 0 : null;
  if (typeof rest[0] !== "number" && !["lastNotNull", "firstNotNull", "count", "distinctCount"].includes(calc)) return null;
  return CALCS[calc]?.[1](rest) ?? null;
}
