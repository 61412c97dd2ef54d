// Predict, then reveal: a figure is hidden, a reader guesses it with a unit, and the page says how near that is, the
// closed form, and where the closed form stops being true.

import { element, say } from "./dom.js";
import { number, percent, seconds, size } from "./quantities.js";

const BYTES = scale({ k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 });
const UNITS = {
  s: { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 },
  B: BYTES,
  "B/s": Object.fromEntries(Object.entries(BYTES).map(([unit, times]) => [`${unit}/s`, times])),
  1: { "%": 0.01, "": 1 },
  "/s": { "/s": 1, "k/s": 1e3, "M/s": 1e6 },
};
const EXAMPLES = { s: "33 ms", B: "13 GB", "B/s": "25 GB/s", 1: "37.5 %", "/s": "120 /s" };
const SLIPS = { s: [60, 3600], B: [8], "B/s": [8], 1: [], "/s": [60, 3600] }; // factors between units, beside powers of ten
const NEAR = 0.1; // relative: how near the factor of a guess is to that of another unit
const NUMBER = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(.*?)\s*$/i;
const COMMA = /^([+-]?\d*),(\d{1,2}|\d{4,})(?!\d)/; // three digits after it may be thousands

function scale(prefixes) {
  const bytes = Object.entries(prefixes).map(([prefix, times]) => [`${prefix}B`, times]);
  const bits = Object.entries(prefixes).map(([prefix, times]) => [`${prefix}bit`, times / 8]);
  return { B: 1, bit: 1 / 8, ...Object.fromEntries(bytes), ...Object.fromEntries(bits) };
}

/** Write the value of a figure with its unit. */
export function figureText(value, unit) {
  if (unit === "s") return seconds(value);
  if (unit === "B") return size(value);
  if (unit === "B/s") return `${size(value)}/s`;
  if (unit === "1") return percent(value);
  return `${number(value)} ${unit}`;
}

/**
 * Read a guess.
 *
 * @param {string} text - a number with a unit, such as "33 ms"
 * @param {string} unit - what the figure is in: s, B, B/s, 1 (a share) or /s
 * @returns {{value: number}|{example: string}|{point: string}} the guess in that unit; or, where it is none, an
 *   example of one, or what was meant by a comma
 */
export function read(text, unit) {
  const match = NUMBER.exec(text);
  const times = match && Object.hasOwn(UNITS[unit], match[2]) ? UNITS[unit][match[2]] : undefined;
  const value = Number(match?.[1]) * times;
  if (Number.isFinite(value)) return { value };
  const point = text.trim().replace(COMMA, "$1.$2");
  return point !== text.trim() && read(point, unit).value !== undefined ? { point } : { example: EXAMPLES[unit] };
}

/** Return whether *guess* is as near to the value of *figure* as its tolerance asks. */
export function isRight(guess, figure) {
  return Math.abs(guess - figure.value) <= figure.tolerance * Math.abs(figure.value) * (1 + 1e-9);
}

/** Return whether a guess that is not right is near the value of *figure* in another unit: ms for s, bits for bytes. */
export function isOtherUnit(guess, figure) {
  const times = Math.max(guess / figure.value, figure.value / guess);
  if (!(times > 0 && Number.isFinite(times)) || isRight(guess, figure)) return false;
  const ten = 10 ** Math.round(Math.log10(times));
  const near = (factor, within) => Math.abs(times / factor - 1) <= within;
  const binary = figure.unit.startsWith("B") && [1, 2, 3, 4, 5].some((power) => near(1.024 ** power, figure.tolerance));
  return binary || [ten, ...SLIPS[figure.unit]].some((factor) => factor > 1 && near(factor, NEAR));
}

/**
 * Return in words how near a guess is.
 *
 * @param {number} guess - in the unit of the figure
 * @param {object} figure - the figure, as parsim/page/figures.py describes it
 * @param {object[]} others - the other figures of the run, one of which the reader may have taken for it
 * @param {object} words - a table of words, with those of play
 */
export function verdict(guess, figure, others, words) {
  const tolerance = percent(figure.tolerance);
  if (isRight(guess, figure)) return say(words.right, { tolerance });
  const taken = others.find((other) => other.unit === figure.unit && other.value && other.value !== figure.value && isRight(guess, other));
  const hint = taken ? ` ${say(words.taken, { name: nameOf(taken, words) })}` : "";
  const away = distance(guess, figure, words);
  return say(guess > figure.value ? words.tooMuch : words.tooLittle, { away, tolerance }) + hint;
}

/** Write how far a guess is from the value: a share of it, a factor where it is far, or the guess where the value is 0. */
function distance(guess, { value, unit }, words) {
  if (!value) return figureText(Math.abs(guess), unit);
  const times = Math.max(guess / value, value / guess);
  return times < 2 || guess / value <= 0 ? percent(Math.abs(guess / value - 1)) : say(words.factor, { times: number(times, 3) });
}

/** Return the name of a figure. */
export function nameOf(figure, words) {
  const [section, communicator, part] = figure.key.split(".");
  return section === "communication" ? say(words.sent[part], { communicator: words.communicators[communicator] ?? communicator }) : words.figures[figure.key];
}

/** A figure that a reader may hide and guess, in a card; *on* has hide(key), show(key), and revealed(key). */
export class Card {
  constructor(words, on) {
    this.words = words;
    this.on = on;
    this.element = element("li", { class: "play-card" });
  }

  /**
   * Show *figure*.
   *
   * @param {object} figure - as parsim/page/figures.py describes it
   * @param {object[]} others - all figures of the run
   * @param {object} state - `hidden`: it is one to guess; `revealed`: the guess that was made, or null; `covered`: the
   *   figures that wait for a guess and follow from this one
   */
  show(figure, others, { hidden, revealed, covered }) {
    const shape = hidden && !revealed ? "question" : covered.length ? "cover" : "answer";
    if (shape === "question" && this.shape === shape && this.figure === figure) return; // a guess is being written
    Object.assign(this, { figure, others, shape });
    const parts = { question: () => this.question(), cover: () => this.cover(covered), answer: () => this.answer(hidden, revealed) };
    this.element.classList.toggle("play-hidden", shape === "question");
    this.element.replaceChildren(element("h3", {}, nameOf(figure, this.words)), ...parts[shape]());
  }

  cover(covered) {
    const names = covered.map((figure) => nameOf(figure, this.words)).join(", ");
    return [element("p", { class: "play-figure" }, "?"), element("p", {}, say(this.words.coveredWith, { names }))];
  }

  question() {
    const { figure, words } = this;
    const box = element("input", { type: "text", "aria-label": say(words.guessOf, { name: nameOf(figure, words) }), placeholder: say(words.example, { example: EXAMPLES[figure.unit] }) });
    const note = element("p", { class: "play-fault", role: "alert", hidden: true });
    const check = (event) => {
      event.preventDefault();
      const found = read(box.value, figure.unit);
      const slipped = found.value !== undefined && isOtherUnit(found.value, figure);
      if (found.value !== undefined && !slipped) return this.on.revealed(figure.key, { guess: found.value });
      note.hidden = false;
      note.textContent = slipped ? say(words.checkUnit, { guess: box.value.trim() }) : say(found.point ? words.comma : words.noGuess, found);
    };
    return [
      element("p", { class: "play-figure" }, "?"),
      element("form", { onsubmit: check }, box, element("button", {}, words.check)),
      note,
      element("button", { class: "play-plain", onclick: () => this.on.revealed(figure.key, { guess: null }) }, words.reveal),
    ];
  }

  answer(hidden, revealed) {
    const { figure, words } = this;
    const guess = revealed?.guess ?? null;
    const right = guess !== null && isRight(guess, figure);
    return [
      element("p", { class: "play-figure" }, figureText(figure.value, figure.unit)),
      guess === null ? null : element("p", { class: right ? "play-right" : "play-off", role: "status" },
        say(words.guessed, { guess: figureText(guess, figure.unit) }), " ", verdict(guess, figure, this.others, words)),
      ...(revealed ? closedForm(figure, words) : []),
      hidden
        ? element("button", { class: "play-plain", onclick: () => this.on.show(figure.key) }, words.done)
        : element("button", { class: "play-plain", onclick: () => this.on.hide(figure.key), "aria-label": say(words.hideOf, { name: nameOf(figure, words) }) }, words.hide),
    ].filter(Boolean);
  }
}

/** Return the closed form of a figure, what it gives, and where it stops being true. */
export function closedForm(figure, words) {
  const { known } = figure;
  if (!known) return [element("p", {}, words.noForm)];
  const exact = Math.abs(known.foreseen - figure.value) <= 1e-9 * Math.max(Math.abs(figure.value), Math.abs(known.foreseen));
  const told = { foreseen: figureText(known.foreseen, figure.unit), value: figureText(figure.value, figure.unit) };
  return [
    element("p", { class: "play-formula" }, known.formula),
    element("p", {}, say(exact ? words.formHolds : words.formDiffers, told)),
    element("p", {}, words.limits[known.limits]),
  ];
}
