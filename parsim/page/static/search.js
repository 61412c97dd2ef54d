// Search for bars by name.

/** Return the bars of *runs* whose name contains *text*, in the order of time: {run, bar} each. */
export function search(runs, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  return runs.flatMap((run) => {
    const named = Uint8Array.from(run.names, (name) => (name.toLowerCase().includes(wanted) ? 1 : 0));
    const found = [];
    for (let bar = 0; bar < run.bars.count; bar++) if (named[run.name[bar]]) found.push({ run, bar });
    return found.sort((one, other) => run.bars.start[one.bar] - run.bars.start[other.bar] || one.bar - other.bar);
  });
}
