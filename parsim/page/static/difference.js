// Where two runs differ, in the words of the ledger.

import { element, say, table } from "./dom.js";
import { percent, seconds } from "./quantities.js";
import { stepsOf } from "./waterfall.js";

const TOLD = 2; // terms in the sentence
const NOTABLE = 0.05; // of the difference: smaller terms are not in the sentence

/** Return the terms of two ledgers: key, name, and seconds in each; terms that make a run longer are positive. */
function terms(one, other, words) {
  const found = new Map();
  [one, other].forEach((run, place) => {
    for (const step of stepsOf(run.facts, words)) {
      const term = found.get(step.key) ?? { key: step.key, name: step.name, values: [0, 0] };
      term.values[place] = step.total ? step.to : step.value;
      found.set(step.key, term);
    }
  });
  const all = [...found.values()];
  return [...all.filter((term) => term.key !== "makespan_s"), ...all.filter((term) => term.key === "makespan_s")];
}

/** Return the sentence on what makes one run shorter than the other. */
function sentence(one, other, words) {
  const all = terms(one, other, words);
  const makespan = all[all.length - 1].values;
  const gap = Math.abs(makespan[1] - makespan[0]);
  const equal = gap <= 1e-9 * Math.max(...makespan);
  if (equal) return say(words.equal, { time: seconds(makespan[0]) });
  const [fast, slow] = makespan[0] < makespan[1] ? [0, 1] : [1, 0];
  const saved = all.slice(0, -1).map((term) => [term, term.values[slow] - term.values[fast]]);
  saved.sort((a, b) => b[1] - a[1]);
  const gains = saved.filter(([, value]) => value > NOTABLE * gap).slice(0, TOLD);
  const worst = saved[saved.length - 1];
  const parts = gains.map(([term, value]) => phrase(term, value, words));
  const against = worst[1] < -NOTABLE * gap ? say(words.against, { what: phrase(...worst, words) }) : "";
  const letters = [one.letter, other.letter];
  const head = say(words.faster, {
    fast: letters[fast],
    slow: letters[slow],
    gap: seconds(gap),
    share: percent(gap / makespan[slow]),
  });
  return `${head} ${parts.join(words.and)}${against}${words.stop}`;
}

/** Tell in words by how many seconds a term is less (above 0) or more in the faster run; more hidden is faster. */
function phrase(term, saved, words) {
  const less = saved > 0 === (term.key !== "hidden_s");
  const values = { time: seconds(Math.abs(saved)), term: term.name, meaning: words.meanings[term.key] ?? "" };
  return say(less ? words.less : words.moreOf, values);
}

/** Return the elements that tell where two runs differ; *unlike* says how their work does. */
export function difference([one, other], words, unlike) {
  const rows = terms(one, other, words).map(({ key, name, values }) => [
    name,
    words.meanings[key] ?? "",
    ...values.map((value) => signed(value, false)),
    signed(Math.abs(values[1] - values[0]) <= 1e-9 * one.makespan ? 0 : values[1] - values[0], true),
  ]);
  const head = [words.term, words.meaning, one.letter, other.letter, `${other.letter} − ${one.letter}`];
  return [element("p", {}, unlike, " ", sentence(one, other, words)), table(words.difference, head, rows, 2)];
}

function signed(value, always) {
  const sign = value < 0 ? "−" : always && value > 0 ? "+" : "";
  return `${sign}${seconds(Math.abs(value))}`;
}
