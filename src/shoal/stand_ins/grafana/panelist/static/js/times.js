// Time ranges: "now-1h", "now/d", milliseconds, local dates. `now` is always given.

const LENGTHS = { ms: 1, s: 1000, m: 60000, h: 3600000, d: 86400000, w: 604800000, M: 2592000000, y: 31536000000 };
const RELATIVE = /^now((?:[+-]\d+(?:ms|s|m|h|d|w|M|y))*)(?:\/([smhdwMy]))?$/;

export const QUICK = [
  ["Last 5 minutes", "now-5m", "now"],
  ["Last 15 minutes", "now-15m", "now"],
  ["Last 30 minutes", "now-30m", "now"],
  ["Last 1 hour", "now-1h", "now"],
  ["Last 3 hours", "now-3h", "now"],
  ["Last 6 hours", "now-6h", "now"],
  ["Last 12 hours", "now-12h", "now"],
  ["Last 24 hours", "now-24h", "now"],
  ["Last 2 days", "now-2d", "now"],
  ["Last 7 days", "now-7d", "now"],
  ["Last 30 days", "now-30d", "now"],
  ["Today", "now/d", "now/d"],
  ["Yesterday", "now-1d/d", "now-1d/d"],
];

/** Milliseconds of "15s", "1h30m"; 0 for anything else. */
export function durationMs(text) {
  const parts = [...String(text ?? "").matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w|M|y)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * LENGTHS[unit], 0);
}

/** `length` in the largest unit that gives a whole number. */
export function durationText(length) {
  for (const unit of ["w", "d", "h", "m", "s"]) {
    if (length >= LENGTHS[unit] && length % LENGTHS[unit] === 0) return `${length / LENGTHS[unit]}${unit}`;
  }
  return `${Math.round(length)}ms`;
}

/** Milliseconds since the epoch, or null where `text` is no time. isEnd: "/d" means the end of the day. */
export function parseTime(text, now, isEnd = false) {
  const trimmed = String(text ?? "").trim();
  if (/^-?\d{9,}$/.test(trimmed)) return Number(trimmed);
  const relative = RELATIVE.exec(trimmed);
  if (!relative) {
    const at = new Date(trimmed.replace(" ", "T")).getTime();
    return trimmed && !Number.isNaN(at) ? at : null;
  }
  let at = now;
  for (const [, sign, count, unit] of (relative[1] ?? "").matchAll(/([+-])(\d+)(ms|s|m|h|d|w|M|y)/g)) {
    at += (sign === "+" ? 1 : -1) * Number(count) * LENGTHS[unit];
  }
  return relative[2] ? roundTo(at, relative[2], isEnd) : at;
}

function roundTo(at, unit, isEnd) {
  const time = new Date(at);
  const parts = [time.getFullYear(), time.getMonth(), time.getDate(), time.getHours(), time.getMinutes(), time.getSeconds()];
  const kept = { y: 1, M: 2, w: 3, d: 3, h: 4, m: 5, s: 6 }[unit];
  const start = [0, 0, 1, 0, 0, 0].map((least, index) => (index < kept ? parts[index] : least));
  if (unit === "w") start[2] -= (time.getDay() + 6) % 7;
  if (!isEnd) return new Date(...start).getTime();
  start[kept - 1] += unit === "w" ? 7 : 1;
  return new Date(...start).getTime() - 1;
}

/** {from, to} in milliseconds of a raw range, or null where it is none. */
export function resolveRange(raw, now) {
  const from = parseTime(raw.from, now);
  const to = parseTime(raw.to, now, true);
  return from === null || to === null || from >= to ? null : { from, to };
}

/** What the button of the picker says. */
export function rangeText(raw, format) {
  const quick = QUICK.find(([, from, to]) => from === raw.from && to === raw.to);
  if (quick) return quick[0];
  const last = /^now-(\d+)([smhdwMy])$/.exec(raw.from);
  if (last && raw.to === "now") return `Last ${last[1]}${last[2]}`;
  const text = (value) => (/^-?\d{9,}$/.test(value) ? format(Number(value)) : value);
  return `${text(String(raw.from))} to ${text(String(raw.to))}`;
}

/** The range of a panel that looks at another time than its dashboard ("timeFrom", "timeShift"). */
export function panelRange(range, panel) {
  const own = durationMs(panel.timeFrom);
  const shift = durationMs(panel.timeShift);
  return { from: (own ? range.to - own : range.from) - shift, to: range.to - shift };
}
