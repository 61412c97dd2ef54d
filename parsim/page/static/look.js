// Colours of the page in light and dark; those of bars come with the data, from parsim/plot/style.py.

import { packedColour } from "./raster.js";

const LIGHT = {
  paper: "#ffffff",
  ink: "#1a1a1a",
  faint: "#6e6e6e",
  line: "#d5d5d5",
  idle: { fill: "#ececec", drain: "#d6d6d6", dependency: "#bfbfbf", policy: "#a8a8a8", overhead: "#919191", memory: "#7a7a7a", steps: "#636363" },
  hatch: "#9a9a9a",
  path: "#000000",
  casing: "#ffffff",
};
const DARK = {
  paper: "#16181c",
  ink: "#ececec",
  faint: "#a5a9b0",
  line: "#3a3e45",
  idle: { fill: "#2d3138", drain: "#434851", dependency: "#5a606a", policy: "#727883", overhead: "#8a909b", memory: "#a2a8b3", steps: "#bac0ca" },
  hatch: "#6d737d",
  path: "#ffffff",
  casing: "#16181c",
};
export const FONT = "system-ui, sans-serif";
const SEEN = 60; // of 255: by how much the brightness of a bar differs from that of the paper at least

/** Return the colours of the page. */
export function look(dark) {
  return dark ? DARK : LIGHT;
}

/** Return the colours of bars as 32-bit numbers, by kind; on dark paper the darkest are made lighter. */
export function colours(kinds, dark) {
  return Uint32Array.from(kinds, (kind) => packedColour(visible(kind.face, dark)));
}

/** Return the colour of a gap by its cause: a grey of its own lightness where the worker idles. */
export function gapFace(cause, dark) {
  if (cause.name !== "transfers") return look(dark).idle[cause.name];
  return dark ? "#463a20" : cause.face;
}

/** Return a colour that is seen on the paper. */
export function visible(face, dark) {
  const parts = [1, 3, 5].map((at) => parseInt(face.slice(at, at + 2), 16));
  const bright = 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2];
  if (!dark || bright >= SEEN) return face;
  const lighter = parts.map((part) => Math.round(part + (255 - part) * 0.35));
  return `#${lighter.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** Return black or white, whichever is read better on *face*. */
export function inkOn(face) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(face.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000000" : "#ffffff";
}
