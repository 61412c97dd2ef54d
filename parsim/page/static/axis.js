// The time that is seen, which all drawings of a page share.

const CLOSEST = 1e-9; // of the whole: as far as one can zoom in
const BEYOND = 0.05; // of what is seen: as much room is left beside the run

/** The part of the run from `from` to `to` seconds; tells whoever listens when it changes. */
export class Axis {
  constructor(whole) {
    this.listeners = new Set();
    this.reset(whole);
  }

  /** Show the whole run of *whole* seconds. */
  reset(whole) {
    this.whole = whole || 1;
    this.set(-0.01 * this.whole, 1.02 * this.whole);
  }

  get span() {
    return this.to - this.from;
  }

  /** Show the time between two moments, as far as there is a run. */
  set(from, to) {
    const span = Math.min(Math.max(to - from, CLOSEST * this.whole), 1.2 * this.whole);
    const [low, high] = [-BEYOND * span, this.whole + (BEYOND - 1) * span];
    this.from = low > high ? (this.whole - span) / 2 : Math.min(Math.max(from + (to - from - span) / 2, low), high);
    this.to = this.from + span;
    for (const listener of this.listeners) listener();
  }

  /** Zoom in by *factor* so that the moment *at* stays where it is. */
  zoom(factor, at) {
    const span = Math.min(Math.max(this.span / factor, CLOSEST * this.whole), 1.2 * this.whole);
    const share = (at - this.from) / this.span;
    this.set(at - share * span, at + (1 - share) * span);
  }

  /** Move what is seen by a share of it. */
  pan(share) {
    this.set(this.from + share * this.span, this.to + share * this.span);
  }

  /** Show a stretch of time with room around it, unless it is seen well already. */
  reveal(start, end) {
    const took = Math.max(end - start, CLOSEST * this.whole);
    const small = took < this.span / 200;
    if (start >= this.from && end <= this.to && !small) return;
    const span = small || took > this.span ? 20 * took : this.span;
    this.set((start + end - span) / 2, (start + end + span) / 2);
  }
}

/** Return the moments to mark on an axis: round numbers of seconds, at most *most*. */
export function ticks(from, to, most) {
  const rough = (to - from) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const found = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) found.push(i * step);
  return found;
}
