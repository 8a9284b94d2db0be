// Values as people read them. Units are named as dashboards name them.

const SI = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
const IEC = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SHORT = ["", " K", " Mil", " Bil", " Tri", " Quadr", " Quint", " Sext", " Sept"];
// [from this many seconds on, how many seconds one is, name]
const SPANS = [
  [31536000, 31536000, " year"],
  [604800, 604800, " week"],
  [86400, 86400, " day"],
  [3600, 3600, " hour"],
  [60, 60, " min"],
  [1, 1, " s"],
  [1e-3, 1e-3, " ms"],
  [1e-6, 1e-6, " µs"],
  [0, 1e-9, " ns"],
];
const PARTS = [
  ["year", 31536000],
  ["month", 2628000],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** How many decimals show three digits that count; none for whole numbers. */
export function decimalsFor(value) {
  const size = Math.abs(value);
  if (!size || size % 1 === 0) return 0;
  return Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(size))));
}

/** A number with so many decimals; null: as many as it takes. */
export function fixed(value, decimals = null) {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (Number.isNaN(value)) return "NaN";
  return value.toFixed(decimals ?? decimalsFor(value));
}

const plain = (suffix = "") => (value, decimals) => fixed(value, decimals) + suffix;

function scaled(base, steps, unit, first = 0) {
  return (value, decimals) => {
    let step = first;
    let rest = value;
    while (Number.isFinite(rest) && Math.abs(rest) >= base && step < steps.length - 1) {
      rest /= base;
      step += 1;
    }
    const text = steps === SHORT ? steps[step] : ` ${steps[step]}${unit}`;
    return fixed(rest, decimals) + text.trimEnd();
  };
}

/** Below 1 too: milli, micro, nano. */
function metric(unit) {
  const small = [
    [1e-9, "n"],
    [1e-6, "µ"],
    [1e-3, "m"],
  ];
  const large = scaled(1000, SI, unit);
  return (value, decimals) => {
    const size = Math.abs(value);
    if (size >= 1 || !size || !Number.isFinite(size)) return large(value, decimals);
    const [factor, name] = [...small].reverse().find(([least]) => size >= least) ?? small[0];
    return `${fixed(value / factor, decimals)} ${name}${unit}`;
  };
}

function seconds(scale) {
  return (value, decimals) => {
    const length = value * scale;
    if (!length || !Number.isFinite(length)) return `${fixed(length, decimals)} s`;
    const [, one, name] = SPANS.find(([least]) => Math.abs(length) >= least);
    return fixed(length / one, decimals) + name;
  };
}

/** "2 hours, 5 minutes": of the two largest parts, or as many as decimals asks for. */
function duration(scale) {
  return (value, decimals) => {
    let rest = Math.abs(value * scale);
    if (!Number.isFinite(rest)) return fixed(value);
    const found = [];
    for (const [name, length] of PARTS) {
      const count = Math.floor(rest / length);
      if (!count) continue;
      found.push(`${count} ${name}${count === 1 ? "" : "s"}`);
      rest -= count * length;
    }
    return (value < 0 ? "-" : "") + (found.slice(0, (decimals || 1) + 1).join(", ") || "0 seconds");
  };
}

function clock(scale) {
  return (value) => {
    const all = Math.floor(Math.abs(value * scale));
    const two = (number) => String(number).padStart(2, "0");
    return `${value < 0 ? "-" : ""}${two(Math.floor(all / 3600))}:${two(Math.floor((all % 3600) / 60))}:${two(all % 60)}`;
  };
}

const choice = (yes, no) => (value) => (value ? yes : no);
const currency = (sign) => (value, decimals) => `${sign}${scaled(1000, ["", "K", "M", "B", "T"], "")(value, decimals).replace(" ", "")}`;
const rate = (unit) => (value, decimals) => {
  const text = scaled(1000, SHORT, "")(value, decimals).replace(/ (\w)\w*$/, "$1");
  return `${text} ${unit}`;
};

const FORMATS = {
  none: plain(),
  short: scaled(1000, SHORT, ""),
  string: plain(),
  percent: plain("%"),
  percentunit: (value, decimals) => `${fixed(value * 100, decimals)}%`,
  humidity: plain(" %H"),
  sci: (value, decimals) => (decimals === null || decimals === undefined ? value.toExponential() : value.toExponential(decimals)),
  locale: (value, decimals) => value.toLocaleString("en-GB", { maximumFractionDigits: decimals ?? undefined }),
  hex: (value) => Math.round(value).toString(16).toUpperCase(),
  hex0x: (value) => `0x${Math.round(value).toString(16).toUpperCase()}`,
  bool: choice("True", "False"),
  bool_yes_no: choice("Yes", "No"),
  bool_on_off: choice("On", "Off"),
  bytes: scaled(1024, IEC, "B"),
  decbytes: scaled(1000, SI, "B"),
  bits: scaled(1024, IEC, "b"),
  decbits: scaled(1000, SI, "b"),
  Bps: scaled(1000, SI, "B/s"),
  binBps: scaled(1024, IEC, "B/s"),
  bps: scaled(1000, SI, "b/s"),
  binbps: scaled(1024, IEC, "b/s"),
  pps: scaled(1000, SI, "p/s"),
  hertz: metric("Hz"),
  watt: metric("W"),
  watth: metric("Wh"),
  volt: metric("V"),
  amp: metric("A"),
  s: seconds(1),
  ms: seconds(1e-3),
  µs: seconds(1e-6),
  ns: seconds(1e-9),
  m: seconds(60),
  h: seconds(3600),
  d: seconds(86400),
  dtdurations: duration(1),
  dtdurationms: duration(1e-3),
  dthms: clock(1),
  clocks: clock(1),
  clockms: clock(1e-3),
  timeticks: seconds(1e-2),
  celsius: plain(" °C"),
  fahrenheit: plain(" °F"),
  kelvin: plain(" K"),
  degree: plain("°"),
  rotrpm: plain(" rpm"),
  currencyUSD: currency("$"),
  currencyEUR: currency("€"),
  currencyGBP: currency("£"),
  currencyRUB: currency("₽"),
  dateTimeAsIso: (value) => formatTime(value, "YYYY-MM-DD HH:mm:ss"),
  dateTimeAsLocal: (value) => formatTime(value, "YYYY-MM-DD HH:mm:ss"),
  dateTimeFromNow: (value) => fromNow(value, Date.now()),
};
for (const [index, prefix] of ["k", "m", "g", "t", "p"].entries()) {
  FORMATS[`${prefix}bytes`] = scaled(1024, IEC, "B", index + 1);
  FORMATS[`dec${prefix}bytes`] = scaled(1000, SI, "B", index + 1);
  const upper = prefix.toUpperCase();
  FORMATS[`${upper}Bs`] = scaled(1000, SI, "B/s", index + 1);
  FORMATS[`${upper}iBs`] = scaled(1024, IEC, "B/s", index + 1);
  FORMATS[`${upper}bits`] = scaled(1000, SI, "b/s", index + 1);
}
const RATES = { reqps: "req/s", ops: "ops/s", iops: "io/s", rps: "rd/s", wps: "wr/s", cps: "c/s", eps: "evt/s", mps: "msg/s" };
for (const [name, unit] of Object.entries(RATES)) {
  FORMATS[name] = rate(unit);
  FORMATS[name.replace(/ps$/, "pm")] ??= rate(unit.replace("/s", "/min"));
}
FORMATS.opm = rate("ops/min");
const OWN = /^(suffix|prefix|si|time|count|currency):\s*(.*)$/;

/** `value` with its unit. A unit that nobody knows is written behind it. */
export function formatValue(value, unit = "none", decimals = null) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  const known = FORMATS[unit || "none"];
  if (known) return known(value, decimals);
  const own = OWN.exec(unit);
  if (!own) return `${fixed(value, decimals)} ${unit}`;
  const [, kind, text] = own;
  if (kind === "time") return formatTime(value, text);
  if (kind === "prefix") return text + fixed(value, decimals);
  if (kind === "currency") return currency(text)(value, decimals);
  if (kind === "si") return metric(text)(value, decimals);
  if (kind === "count") return scaled(1000, SHORT, "")(value, decimals) + ` ${text}`;
  return fixed(value, decimals) + (text.startsWith(" ") ? text : ` ${text}`).replace(/^ (?=%)/, "");
}

const NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A time, local, in the letters of moment.js. */
export function formatTime(at, format) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return "Invalid date";
  const two = (number) => String(number).padStart(2, "0");
  const letters = {
    YYYY: time.getFullYear(),
    YY: two(time.getFullYear() % 100),
    MMM: NAMES[time.getMonth()],
    MM: two(time.getMonth() + 1),
    M: time.getMonth() + 1,
    DD: two(time.getDate()),
    D: time.getDate(),
    HH: two(time.getHours()),
    H: time.getHours(),
    mm: two(time.getMinutes()),
    ss: two(time.getSeconds()),
    SSS: String(time.getMilliseconds()).padStart(3, "0"),
  };
  return format.replace(/YYYY|YY|MMM|MM|M|DD|D|HH|H|mm|ss|SSS/g, (letter) => letters[letter]);
}

/** "5 minutes ago", "in 2 hours". */
export function fromNow(at, now) {
  const text = duration(1e-3)(Math.abs(at - now), null).split(", ")[0];
  return at > now ? `in ${text}` : `${text} ago`;
}
