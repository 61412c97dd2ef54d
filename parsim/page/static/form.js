// The closed form of the makespan beside what the run took, and where it stops being true.

import { element, say } from "./dom.js";
import { seconds } from "./quantities.js";

const CLOSE = 1e-9;

/** Return the closed forms of the *answer* for the scenario *letter*; where none holds, the bound, and the form before. */
export function form(answer, letter, words) {
  const { makespan_s } = answer.data.facts;
  const title = element("h2", {}, `${words.formTitle}${letter}`);
  if (answer.forms.length) return [title, ...answer.forms.flatMap((one) => told(one, makespan_s, words))];
  const none = say(words.formNone, { bound: seconds(answer.bound.makespan_s), formula: answer.bound.formula });
  const lost = answer.lost ? [element("p", {}, say(words.formLost, answer.lost))] : [];
  return [title, ...lost, element("p", {}, none)];
}

function told({ name, formula, makespan_s, limits }, took, words) {
  const agrees = Math.abs(makespan_s - took) <= CLOSE * Math.max(makespan_s, took);
  const values = { name, foreseen: seconds(makespan_s, 6), value: seconds(took, 6) };
  return [
    element("p", { class: "play-formula" }, formula),
    element("p", {}, say(agrees ? words.formAgrees : words.formOff, values), " ", words.limits[limits]),
  ];
}
