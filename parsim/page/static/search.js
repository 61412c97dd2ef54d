// Search for bars by name.

import { nameOf } from "./unpack.js";

/** Return the bars of *runs* whose name contains *text*, in the order of time: {run, bar} each. */
export function search(runs, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  return runs.flatMap((run) => {
    const named = run.names.map((name) => name.toLowerCase().includes(wanted));
    const found = [];
    for (let bar = 0; bar < run.bars.count; bar++) {
      const own = run.name[bar]; // 0: a transfer, whose name is made of others
      if (own ? named[own] : nameOf(run, bar).toLowerCase().includes(wanted)) found.push({ run, bar });
    }
    return found.sort((one, other) => run.bars.start[one.bar] - run.bars.start[other.bar] || one.bar - other.bar);
  });
}
