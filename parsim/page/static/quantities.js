// Times, bytes and shares for people, as parsim/core/quantities.py writes them.

const UNITS = [
  ["h", 3600, 2],
  ["min", 60, 10],
  ["s", 1, 1],
  ["ms", 1e-3, 1],
  ["us", 1e-6, 1],
  ["ns", 1e-9, 1],
];

/** Return name and seconds of the unit in which *value* reads best. */
function unitOf(value) {
  if (!value || Math.abs(value) >= 1e15) return ["s", 1];
  const found = UNITS.find(([, size, least]) => Math.abs(value) >= size * least);
  return found ? [found[0], found[1]] : ["ns", 1e-9];
}

/** Write a number without exponent and without trailing zeros, unless it is very large. */
export function number(value, digits = 4) {
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) >= 1e15 ? rounded.toExponential() : String(rounded);
}

/** Write a time. */
export function seconds(value, digits = 4) {
  const [name, size] = unitOf(Number(value.toPrecision(digits)));
  return `${number(value / size, digits)} ${name}`;
}

/** Write bytes, in powers of 1000. */
export function size(value, digits = 3) {
  const power = value >= 1 ? Math.min(Math.floor(Math.log10(value) / 3), 5) : 0;
  return `${number(value / 1000 ** power, digits)} ${["", "k", "M", "G", "T", "P"][power]}B`;
}

/** Write a share in percent. */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
