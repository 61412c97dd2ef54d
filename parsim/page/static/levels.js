// Levels of a run's bars: on each, what is shorter than a tick and lies within one tick is one bar.
//
//   bars       |=||=| |=|   |========|  |-|-|         drawn where a pixel is shorter than any tick
//   level      |=======|    |========|  |---|         each with the busy seconds within it, and its main kind
//
// The ticks of a level are twice as long as those of the level before, so that at any zoom there is one of about a
// pixel, and a lane has at most about two bars for each pixel, however many tasks there are.

const COARSEST = 512; // ticks of the last level over the whole run

/** The levels of *bars* (start, end, kind, and where each lane begins), each made when it is needed. */
export class Levels {
  constructor(bars, whole) {
    this.whole = whole || 1;
    const lanes = Math.max(bars.first.length - 1, 1);
    const most = 2 ** Math.max(Math.floor(Math.log2(bars.count / lanes + 1)), 0);
    this.levels = [{ ...bars, until: reach(bars), busy: null, ticks: Infinity }];
    this.counts = [];
    for (let count = most; count >= COARSEST; count /= 2) this.counts.push(count);
  }

  /** Return the coarsest level whose ticks are no longer than *pixel* seconds. */
  at(pixel) {
    const wanted = this.counts.filter((count) => this.whole / count <= pixel).length;
    while (this.levels.length <= wanted) {
      const before = this.levels[this.levels.length - 1];
      this.levels.push(merged(before, this.whole / this.counts[this.levels.length - 1]));
    }
    return this.levels[wanted];
  }
}

/** Return the latest end so far of each bar's lane, in which one can search even where bars overlap. */
function reach(bars) {
  const until = new Float64Array(bars.count);
  for (let lane = 0; lane + 1 < bars.first.length; lane++) {
    let latest = -Infinity;
    for (let i = bars.first[lane]; i < bars.first[lane + 1]; i++) {
      latest = Math.max(latest, bars.end[i]);
      until[i] = latest;
    }
  }
  return until;
}

function merged(level, tick) {
  const made = empty(level);
  for (let lane = 0; lane + 1 < level.first.length; lane++) {
    let open = -1; // the merged bar that may grow
    let bucket = -1;
    for (let i = level.first[lane]; i < level.first[lane + 1]; i++) {
      const took = level.end[i] - level.start[i];
      const here = took < tick ? Math.floor(level.start[i] / tick) : -1;
      if (open >= 0 && here >= 0 && here === bucket) join(made, open, level, i);
      else open = append(made, level, i);
      bucket = here;
    }
    made.first[lane + 1] = made.count;
  }
  return { ...made, until: reach(made) };
}

function empty(level) {
  return {
    count: 0,
    start: new Float64Array(level.count),
    end: new Float64Array(level.count),
    kind: new Int32Array(level.count),
    busy: new Float32Array(level.count),
    lead: new Float32Array(level.count), // by how many seconds the main kind leads
    first: new Int32Array(level.first.length),
  };
}

function busyOf(level, i) {
  return level.busy ? level.busy[i] : level.end[i] - level.start[i];
}

function append(made, level, i) {
  const to = made.count++;
  made.start[to] = level.start[i];
  made.end[to] = level.end[i];
  made.kind[to] = level.kind[i];
  made.busy[to] = busyOf(level, i);
  made.lead[to] = level.lead ? level.lead[i] : made.busy[to];
  return to;
}

function join(made, to, level, i) {
  made.end[to] = Math.max(made.end[to], level.end[i]);
  made.busy[to] += busyOf(level, i);
  const lead = level.lead ? level.lead[i] : busyOf(level, i);
  if (level.kind[i] === made.kind[to]) made.lead[to] += lead;
  else if (lead > made.lead[to]) {
    made.kind[to] = level.kind[i];
    made.lead[to] = lead - made.lead[to];
  } else made.lead[to] -= lead;
}

/** Return the first bar of *lane* that ends after *moment*. */
export function after(level, lane, moment) {
  let low = level.first[lane];
  let high = level.first[lane + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (level.until[middle] > moment) high = middle;
    else low = middle + 1;
  }
  return low;
}
