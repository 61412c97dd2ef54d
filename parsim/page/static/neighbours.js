// Steps by key from one bar or gap to the next: along its lane, to the lanes above and below, and between gaps.

import { after } from "./levels.js";

/** Return what comes after *one* on its lane (or before it, where *step* is -1): a bar or a gap; or *one* itself. */
export function along(one, step) {
  const { run } = one;
  const [bars, number] = one.gap === undefined ? [run.bars, one.bar] : [run.gaps, one.gap];
  const lane = bars.lane[number];
  const items = onLane(run, lane);
  const place = items.findIndex((item) => item.bar === one.bar && item.gap === one.gap);
  return items[place + step] ?? one;
}

/** Return the bars and gaps of a lane in the order of time. */
function onLane(run, lane) {
  const { bars, gaps } = run;
  const items = [];
  for (let bar = bars.first[lane]; bar < bars.first[lane + 1]; bar++) items.push({ run, bar });
  for (let gap = gaps.first[lane]; gap < gaps.first[lane + 1]; gap++) items.push({ run, gap });
  const start = (item) => (item.gap === undefined ? bars.start[item.bar] : gaps.start[item.gap]);
  return items.sort((one, other) => start(one) - start(other));
}

/** Return what the next lane with anything shows about when *one* is, below (1) or above (-1). */
export function across(timeline, one, step) {
  const bars = one.gap === undefined ? one.run.bars : one.run.gaps;
  const number = one.gap ?? one.bar;
  const moment = (bars.start[number] + bars.end[number]) / 2;
  const { rows } = timeline;
  let place = rows.findIndex((row) => row.run === one.run && row.lane === bars.lane[number]) + step;
  for (; rows[place]; place += step) {
    const found = rows[place].lane >= 0 && near(rows[place].run, rows[place].lane, moment);
    if (found) return found;
  }
  return one;
}

function near(run, lane, moment) {
  const one = (bars, key) => {
    const place = Math.min(after(bars, lane, moment), bars.first[lane + 1] - 1);
    if (place < bars.first[lane]) return null;
    return { item: { run, [key]: place }, away: Math.max(bars.start[place] - moment, moment - bars.end[place], 0) };
  };
  const [bar, gap] = [one(run.levels.levels[0], "bar"), one(run.gapLevels.levels[0], "gap")];
  if (!bar || !gap) return (bar ?? gap)?.item;
  return bar.away <= gap.away ? bar.item : gap.item;
}

/** Return the first gap that begins after *one* begins, in the order of time, or the first of all. */
export function nextGap(runs, one) {
  const run = one?.run ?? runs[0];
  const { gaps } = run;
  if (!gaps.count) return null;
  run.gapsByTime ??= Array.from(gaps.start.keys()).sort((a, b) => gaps.start[a] - gaps.start[b] || a - b);
  if (one?.gap !== undefined) {
    const place = run.gapsByTime.indexOf(one.gap);
    return { run, gap: run.gapsByTime[(place + 1) % gaps.count] };
  }
  const moment = one ? run.bars.start[one.bar] : -1;
  return { run, gap: run.gapsByTime.find((gap) => gaps.start[gap] >= moment) ?? run.gapsByTime[0] };
}

/** Return the step of the critical path after (1) or before (-1) *one*, or its first step. */
export function alongPath(runs, one, step) {
  const run = one?.run ?? runs[0];
  if (!run.path.length) return null;
  const at = one?.bar === undefined ? undefined : run.onPath.get(one.bar);
  if (at !== undefined) return { run, bar: run.path[Math.min(Math.max(at + step, 0), run.path.length - 1)] };
  if (!one) return { run, bar: run.path[0] };
  const moment = one.gap === undefined ? run.bars.start[one.bar] : run.gaps.start[one.gap];
  return { run, bar: run.path.find((bar) => run.bars.start[bar] >= moment) ?? run.path[run.path.length - 1] };
}
