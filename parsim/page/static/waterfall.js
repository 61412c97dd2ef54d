// The ledger as a waterfall: from T_total to the makespan, up or down by each term.

import { element, table } from "./dom.js";
import { seconds } from "./quantities.js";

const TERMS = ["deviation_s", "idle_s", "contention_s", "hidden_s"];
const CLOSE = 1e-9; // of the makespan: rounding errors of sums
const IDLE = "#999999";
const ROW = 24; // pixels
const LEFT = 172;
const RIGHT = 112;
const WIDE = 640;
const SVG = "http://www.w3.org/2000/svg";

/** Return the steps of a ledger: key, name, from, to; idleness is split by its causes. */
export function stepsOf(facts, words) {
  const { ledger } = facts;
  const steps = [{ key: "t_total_s", name: words.terms.t_total_s, from: 0, to: ledger.t_total_s, total: true }];
  let sum = ledger.t_total_s;
  const add = (key, name, given) => {
    const value = Math.abs(given) < CLOSE * facts.makespan_s ? 0 : given;
    steps.push({ key, name, from: sum, to: sum + value, value });
    sum += value;
  };
  for (const term of TERMS) {
    if (term !== "idle_s") add(term, words.terms[term], term === "hidden_s" ? -ledger[term] : ledger[term]);
    else {
      const causes = Object.entries(ledger.idle).filter(([, spent]) => spent);
      for (const [cause, spent] of causes) add(cause, `${words.terms.idle_s}: ${words.causes[cause] ?? cause}`, spent);
    }
  }
  steps.push({ key: "makespan_s", name: words.terms.makespan_s, from: 0, to: facts.makespan_s, total: true });
  return steps;
}

/** Return the waterfall of a run as a picture on the scale of all *runs*, with a table of the same figures. */
export function waterfall(run, words, runs) {
  const steps = stepsOf(run.facts, words);
  const ends = runs.flatMap((one) => stepsOf(one.facts, words).flatMap((step) => [step.from, step.to]));
  const label = steps.map((step) => `${step.name} ${signed(step)}`).join(", ");
  const shown = picture(run, steps, label, Math.max(...ends, 1e-30));
  return element("div", { class: "parsim-waterfall" }, shown, figures(steps, words));
}

function signed(step) {
  if (step.total || !step.value) return seconds(step.total ? step.to : 0);
  return `${step.value < 0 ? "−" : "+"}${seconds(Math.abs(step.value))}`;
}

function picture(run, steps, label, most) {
  const x = (value) => LEFT + (value / most) * (WIDE - LEFT - RIGHT);
  const shown = svg("svg", { viewBox: `0 0 ${WIDE} ${steps.length * ROW}`, role: "img", "aria-label": label });
  steps.forEach((step, place) => {
    const [low, high] = [Math.min(step.from, step.to), Math.max(step.from, step.to)];
    const y = place * ROW;
    const bar = { x: x(low), y: y + 4, width: Math.max(x(high) - x(low), 1), height: ROW - 8 };
    shown.append(
      svg("text", { x: LEFT - 8, y: y + ROW / 2 + 4, "text-anchor": "end" }, step.name),
      svg("rect", { ...bar, fill: colour(step, run), class: "parsim-term" }),
      svg("text", { x: x(high) + 6, y: y + ROW / 2 + 4 }, signed(step)),
    );
    if (place + 1 < steps.length) {
      shown.append(
        svg("line", { x1: x(step.to), x2: x(step.to), y1: y + ROW - 4, y2: y + ROW + 4, class: "parsim-join" }),
      );
    }
  });
  return shown;
}

function colour(step, run) {
  if (step.key === "makespan_s") return "currentColor";
  return run.marks[step.key] ?? IDLE;
}

function figures(steps, words) {
  const rows = steps.map((step) => [step.name, words.meanings[step.key] ?? "", signed(step)]);
  return table(words.ledger, [words.term, words.meaning, words.time], rows, 2);
}

function svg(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
