// The bars that are seen as a table, for readers of screens and for copying.

import { kindOf } from "./details.js";
import { element, say, table } from "./dom.js";
import { after } from "./levels.js";
import { seconds } from "./quantities.js";
import { nameOf } from "./unpack.js";

const MOST = 200; // rows

/** Return the bars of all lanes within the time that is seen, the first ones of the axis, as a table. */
export function barsSeen(view) {
  const { runs, words, axis } = view;
  const found = [];
  for (const run of runs) {
    const bars = run.levels.levels[0];
    for (let lane = 0; lane < run.lanes.length; lane++) {
      let left = MOST;
      for (
        let i = after(bars, lane, axis.from);
        i < bars.first[lane + 1] && bars.start[i] < axis.to && left;
        i++, left--
      ) {
        found.push({ run, bar: i });
      }
    }
  }
  found.sort((one, other) => one.run.bars.start[one.bar] - other.run.bars.start[other.bar] || one.bar - other.bar);
  const rows = found.slice(0, MOST).map(({ run, bar }) => {
    return [
      nameOf(run, bar),
      kindOf(run, bar, words),
      `${runs.length > 1 ? `${run.letter}: ` : ""}${run.lanes[run.lane[bar]].worker}`,
      run.waited[bar] >= 0 ? nameOf(run, run.waited[bar]) : (run.whys[run.why[bar]] ?? ""),
      seconds(run.bars.start[bar], 7),
      seconds(run.took[bar]),
    ];
  });
  const head = [words.name, words.kind, words.worker, words.waitedFor, words.start, words.duration];
  const note = found.length > MOST ? say(words.firstOnly, { count: MOST }) : "";
  return [element("p", {}, note), table(words.barsSeen, head, rows, 4)];
}
