// What is chosen, in words: a bar, or an idle gap with its cause, what it waited for, and a jump there.

import { element, say } from "./dom.js";
import { seconds, size } from "./quantities.js";
import { children, nameOf, parents } from "./unpack.js";

const MOST = 12; // neighbours with a button

/** Return the bar that ended last before bar *bar* began, or -1. */
function endedLast(run, bar) {
  const moment = run.bars.start[bar];
  let best = -1;
  for (let i = 0; i < run.bars.count; i++) {
    const end = run.bars.end[i];
    if (i !== bar && run.took[i] > 0 && end <= moment * (1 + 1e-9) && (best < 0 || end > run.bars.end[best])) best = i;
  }
  return best;
}

/** Return what made *bar* start when it did: {bar, why}; bar is -1 where nothing did. */
export function awaited(run, bar) {
  if (run.waited[bar] >= 0) return { bar: run.waited[bar], why: "" };
  const why = run.whys[run.why[bar]] ?? "";
  return { bar: why ? endedLast(run, bar) : -1, why };
}

/** Return the elements that tell of *one*, {run, bar} or {run, gap}; *jump* goes to another bar of its run. */
export function details(one, words, jump) {
  const { run, bar } = one;
  if (bar === undefined) return brief(one, words, jump);
  const go = (other) => link(run, other, jump);
  const step = run.onPath.get(bar);
  return [
    ...brief(one, words, jump),
    step === undefined ? null : element("p", {}, say(words.pathStep, { step: step + 1, steps: run.path.length })),
    neighbours(words.before, words, parents(run, bar), go),
    neighbours(words.after, words, children(run, bar), go),
  ];
}

/** Return the same without neighbours, which take a search. */
export function brief({ run, bar, gap }, words, jump) {
  if (bar === undefined) return ofGap(run, gap, words, jump);
  const { bar: cause, why } = awaited(run, bar);
  return [
    element("h3", {}, nameOf(run, bar)),
    element("p", {}, facts(run, bar, words)),
    waiting(words, cause, why, (other) => link(run, other, jump)),
  ];
}

function waiting(words, cause, why, go) {
  if (cause < 0 && !why) return element("p", {}, words.waitedForNothing);
  if (!why) return element("p", {}, words.waitedFor, " ", go(cause));
  const told = { policy: words.whyPolicy, memory: words.whyMemory }[why] ?? why;
  const before = cause < 0 ? [] : [" ", words.endedLast, " ", go(cause)];
  return element("p", {}, say(words.becauseOf, { why: told }), ...before);
}

/** Return kind, time, place, way and bytes of a bar in a line. */
function facts(run, bar, words) {
  const parts = [kindOf(run, bar, words), duration(run.bars, bar, words)];
  parts.push(say(words.on, { worker: run.lanes[run.lane[bar]].worker }));
  if (run.ways[run.way[bar]].includes(">")) parts.push(say(words.over, { way: run.ways[run.way[bar]] }));
  if (run.bytes[bar]) parts.push(say(words.bytes, { bytes: size(run.bytes[bar]) }));
  if (run.more[bar]) parts.push(say(words.longer, { more: seconds(run.more[bar]) }));
  return parts.join(", ");
}

/** Return the kind of a bar in words. */
export function kindOf(run, bar, words) {
  const { name } = run.kinds[run.kind[bar]];
  return words.kinds[name] ?? name;
}

function duration(bars, number, words) {
  const [start, end] = [bars.start[number], bars.end[number]];
  return say(words.took, { took: seconds(end - start), start: seconds(start, 6), end: seconds(end, 6) });
}

function neighbours(title, words, bars, go) {
  if (!bars.length) return null;
  const more = bars.length - MOST;
  return element(
    "div",
    {},
    element("span", { class: "parsim-faint" }, say(title, { count: bars.length }), ": "),
    bars.slice(0, MOST).map(go),
    more > 0 ? say(words.others, { count: more }) : null,
  );
}

function ofGap(run, gap, words, jump) {
  const go = (bar) => link(run, bar, jump);
  const cause = run.causes[run.gap_cause[gap]].name;
  const then = run.gap_then[gap];
  const head = [
    element("h3", {}, gapName(cause, words)),
    element("p", {}, `${words.meanings[cause] ?? cause}: ${duration(run.gaps, gap, words)}`),
  ];
  if (then < 0) return [...head, element("p", {}, words.nothingAfter)];
  const { bar, why } = awaited(run, then);
  const next = element("p", {}, words.until, " ", go(then));
  if (bar < 0 && !why) return [...head, next];
  if (why) return [...head, next, waiting(words, bar, why, go)];
  next.append(", ", words.whichWaited, " ", go(bar));
  return [...head, next, element("p", {}, facts(run, bar, words))];
}

/** Return what a gap of a cause is called. */
export function gapName(cause, words) {
  const name = words.causes[cause] ?? cause;
  return cause === "transfers" ? name : say(words.gap, { cause: name });
}

function link(run, bar, jump) {
  return element("button", { type: "button", class: "parsim-jump", onclick: () => jump(run, bar) }, nameOf(run, bar));
}
