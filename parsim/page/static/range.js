// Sums over a range of time: seconds by kind, idle seconds by cause, and bytes.

import { gapName } from "./details.js";
import { element, say, table } from "./dom.js";
import { after } from "./levels.js";
import { percent, seconds, size } from "./quantities.js";

const CLOSE = 1e-9; // rounding errors of a sum of shares

/** Return the seconds within a range of each kind of bars (or cause of gaps), how many there are, and their bytes. */
function sums(run, bars, kinds, [from, to], bytes = null) {
  const found = kinds.map(() => ({ count: 0, seconds: 0, bytes: 0, sent: false }));
  for (let lane = 0; lane < run.lanes.length; lane++) {
    for (let i = after(bars, lane, from); i < bars.first[lane + 1] && bars.start[i] < to; i++) {
      const inside = Math.min(bars.end[i], to) - Math.max(bars.start[i], from);
      if (inside <= 0) continue;
      const sum = found[bars.kind[i]];
      sum.count++;
      sum.sent ||= run.lanes[lane].kind !== "compute";
      sum.seconds += inside;
      if (bytes) sum.bytes += (bytes[i] * inside) / (bars.end[i] - bars.start[i]);
    }
  }
  return found;
}

/** Return the elements that tell of a range. */
export function rangeDetails(runs, range, words) {
  const [from, to] = range;
  const title = say(words.range, { took: seconds(to - from), start: seconds(from, 7), end: seconds(to, 7) });
  return [element("h3", {}, title), ...runs.map((run) => ofRun(run, range, words, runs.length > 1))];
}

function ofRun(run, range, words, several) {
  const workers = new Set(run.lanes.filter((lane) => lane.device >= 0).map((lane) => lane.worker)).size || 1;
  const lines = [];
  let all = 0;
  const add = (name, { count, seconds: spent, bytes, sent }) => {
    if (!count) return;
    const share = spent / workers / (range[1] - range[0]);
    all += share;
    const amount = bytes ? size(bytes) : sent ? (run.load.known ? words.priced : words.unknown) : "";
    lines.push([name, String(count), seconds(spent), percent(share), amount]);
  };
  sums(run, run.levels.levels[0], run.kinds, range, run.bytes).forEach((sum, kind) => {
    const { name } = run.kinds[kind];
    add(words.kinds[name] ?? name, sum);
  });
  sums(run, run.gapLevels.levels[0], run.causes, range).forEach((sum, cause) => {
    add(gapName(run.causes[cause].name, words), sum);
  });
  const head = [words.kind, words.count, words.sum, words.ofWorkers, words.amount];
  return element(
    "div",
    {},
    several ? element("h4", {}, `${run.letter}: ${run.facts.scenario}`) : null,
    all > 1 + CLOSE ? element("p", {}, say(words.moreThanAll, { share: percent(all) })) : null,
    table(words.sums, head, lines),
  );
}
