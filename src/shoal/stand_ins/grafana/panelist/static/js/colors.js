// Colours by the names that dashboards use, the palette of series, shades.

const BASE = {
  red: ["#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A"],
  orange: ["#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400"],
  yellow: ["#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400"],
  green: ["#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D"],
  blue: ["#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4"],
  purple: ["#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8"],
};
const SHADES = ["super-light-", "light-", "", "semi-dark-", "dark-"];
const NAMED = { transparent: "rgba(0,0,0,0)", text: "var(--text)", white: "#ffffff", black: "#000000", gray: "#808080", grey: "#808080" };
for (const [name, shades] of Object.entries(BASE)) {
  shades.forEach((color, index) => (NAMED[SHADES[index] + name] = color));
}
export const PALETTE = [
  ...["#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0", "#37872D", "#FADE2A"],
  ...["#447EBC", "#C15C17", "#890F02", "#0A437C", "#6D1F62", "#584477", "#B7DBAB", "#F4D598", "#70DBED", "#F9BA8F"],
];
const CONTINUOUS = {
  "continuous-GrYlRd": ["green", "yellow", "red"],
  "continuous-RdYlGr": ["red", "yellow", "green"],
  "continuous-BlYlRd": ["dark-blue", "super-light-yellow", "dark-red"],
  "continuous-YlRd": ["super-light-yellow", "dark-red"],
  "continuous-BlPu": ["blue", "purple"],
  "continuous-YlBl": ["super-light-yellow", "dark-blue"],
  "continuous-blues": ["super-light-blue", "dark-blue"],
  "continuous-reds": ["super-light-red", "dark-red"],
  "continuous-greens": ["super-light-green", "dark-green"],
  "continuous-purples": ["super-light-purple", "dark-purple"],
};

/** What CSS and canvases understand. */
export function cssColor(name) {
  return NAMED[name] ?? name ?? "#808080";
}

function parts(color) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(color) ?? /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(color);
  if (hex) return hex.slice(1).map((text) => parseInt(text.length === 1 ? text + text : text, 16));
  const rgb = /^rgba?\(([^)]+)\)/i.exec(color);
  return rgb ? rgb[1].split(",").slice(0, 3).map(Number) : [128, 128, 128];
}

/** The colour, so opaque (0 to 1). */
export function withAlpha(color, alpha) {
  const css = cssColor(color);
  if (css === NAMED.transparent) return css;
  return `rgba(${parts(css).join(",")},${alpha})`;
}

/** The colour of a scheme at `share` (0 to 1) of the way. */
export function continuous(mode, share) {
  const stops = (CONTINUOUS[mode] ?? CONTINUOUS["continuous-GrYlRd"]).map((name) => parts(cssColor(name)));
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(at));
  const mixed = stops[index].map((low, part) => Math.round(low + (stops[index + 1][part] - low) * (at - index)));
  return `rgb(${mixed.join(",")})`;
}

/** Black or white, whichever is read better on `color`. */
export function readable(color) {
  const [red, green, blue] = parts(cssColor(color));
  return red * 0.299 + green * 0.587 + blue * 0.114 > 150 ? "#1b1e23" : "#ffffff";
}
