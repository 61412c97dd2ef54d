// What is chosen on a timeline, and the ways to choose: mouse, keys, search, critical path, gaps, range.

import { awaited, brief, details } from "./details.js";
import { element, say } from "./dom.js";
import { listen, move } from "./input.js";
import { across, along, alongPath, nextGap } from "./neighbours.js";
import { drawArrows, drawPath, drawRange } from "./overlay.js";
import { rangeDetails } from "./range.js";
import { search } from "./search.js";
import { nameOf } from "./unpack.js";

/** Keeps what is chosen on the timeline of *view*, and tells of it. */
export class Chooser {
  constructor(view) {
    this.view = view;
    this.timeline = view.timeline;
    this.pathShown = false;
    this.timeline.overlays.push(
      (pen) => this.pathShown && drawPath(pen, this.timeline),
      (pen) => drawArrows(pen, this.timeline),
      (pen) => drawRange(pen, this.timeline),
    );
    listen(this.timeline, {
      hover: (one, event) => this.hover(one, event),
      choose: (one) => this.choose(one),
      range: (range) => this.setRange(range),
    });
    this.timeline.canvas.addEventListener("keydown", (event) => {
      if (this.key(event) || move(view.axis, this.middle(), event)) event.preventDefault();
    });
  }

  /** Begin again: other runs are shown. */
  restart() {
    this.results = [];
    this.place = -1;
    this.trail = [];
    this.timeline.range = null;
    this.view.tools.pressed(this.pathShown);
    this.choose(null);
  }

  get one() {
    return this.timeline.selected;
  }

  /** Return the middle of what is chosen, if it is seen, else that of what is seen. */
  middle() {
    const { axis } = this.view;
    if (!this.one) return (axis.from + axis.to) / 2;
    const { start, end } = span(this.one);
    return (Math.min(Math.max(start, axis.from), axis.to) + Math.max(Math.min(end, axis.to), axis.from)) / 2;
  }

  hover(one, event) {
    const lines = one
      ? details(one, this.view.words, () => {})
          .filter(Boolean)
          .slice(0, 3)
      : [];
    this.view.tip(lines, event);
  }

  /** Choose a bar or a gap, or nothing, and tell of it. */
  choose(one) {
    this.timeline.selected = one;
    const jump = (run, bar) => this.goto({ run, bar });
    const { words } = this.view;
    this.tell(one ? details(one, words, jump) : [element("p", {}, words.nothingChosen)]);
    this.timeline.later();
  }

  tell(lines) {
    this.view.part.details.replaceChildren(...lines.filter(Boolean));
  }

  /** Choose a bar or a gap, and bring it into sight. */
  goto(one) {
    if (!one) return;
    if (this.one) this.trail.push(this.one);
    const { start, end } = span(one);
    this.view.axis.reveal(start, end);
    this.timeline.scrollTo(one);
    this.choose(one);
  }

  back() {
    const one = this.trail.pop();
    if (!one) return;
    this.choose(null);
    this.goto(one);
  }

  /** Search for bars; return how many there are, or null where nothing was asked for. */
  search(text) {
    this.results = search(this.view.runs, text);
    this.place = -1;
    if (!this.results.length) this.choose(null);
    return text.trim() ? this.results.length : null;
  }

  /** Go to the next (1) or the previous (-1) bar that was found. */
  found(step) {
    const { length } = this.results;
    if (!length) return;
    this.place = this.place < 0 && step < 0 ? length - 1 : (this.place + step + length) % length;
    this.goto(this.results[this.place]);
    this.view.tools.at(this.place + 1, length);
  }

  togglePath() {
    this.pathShown = !this.pathShown;
    this.view.tools.pressed(this.pathShown);
    if (this.pathShown) this.showPath();
    this.timeline.later();
  }

  /** Scroll to the lane on which the critical path begins, and tell of it, unless a bar or a gap is chosen. */
  showPath() {
    const run = this.view.runs.find((one) => one.path.length);
    if (!run) return;
    const [bar] = run.path;
    this.timeline.scrollTo({ run, bar });
    this.timeline.canvas.focus({ preventScroll: true }); // whose keys walk along it
    if (this.one) return;
    const told = { steps: run.path.length, name: nameOf(run, bar), worker: run.lanes[run.lane[bar]].worker };
    this.tell([element("p", {}, say(this.view.words.pathFrom, told))]);
  }

  onPath(step) {
    if (!this.pathShown) this.togglePath();
    this.goto(alongPath(this.view.runs, this.one, step));
  }

  gap() {
    this.goto(nextGap(this.view.runs, this.one));
  }

  /** Sum over a range of time, or over nothing. */
  setRange(range) {
    this.timeline.range = range;
    this.timeline.later();
    if (range) this.tell(rangeDetails(this.view.runs, range, this.view.words));
    else this.choose(this.one);
  }

  /** Sum over the chosen bar or gap, from the start of an earlier range if there is one; with none, over what is seen. */
  takeRange() {
    const { one, timeline } = this;
    if (!one)
      return this.setRange([Math.max(this.view.axis.from, 0), Math.min(this.view.axis.to, this.view.axis.whole)]);
    const { start, end } = span(one);
    const before = timeline.range ?? [start, end];
    this.setRange([Math.min(before[0], start), Math.max(before[1], end)]);
  }

  /** Do what a key says; return whether it says anything. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const act = this.keys()[event.key];
    if (!act) return false;
    act(event);
    return true;
  }

  keys() {
    const first = () => ({ run: this.view.runs[0], ...(this.view.runs[0].bars.count ? { bar: 0 } : { gap: 0 }) });
    const step = (choose) => () => this.goto(this.one ? choose(this.one) : first());
    const sideways = (by) => (event) =>
      event.shiftKey ? this.view.axis.pan(0.15 * by) : step((one) => along(one, by))();
    return {
      ArrowRight: sideways(1),
      ArrowLeft: sideways(-1),
      ArrowDown: step((one) => across(this.timeline, one, 1)),
      ArrowUp: step((one) => across(this.timeline, one, -1)),
      Enter: () => this.cause(),
      Backspace: () => this.back(),
      Escape: () => (this.timeline.range ? this.setRange(null) : this.choose(null)),
      "/": () => this.view.tools.focus(),
      "?": () => this.view.help(),
      g: () => this.gap(),
      n: () => this.onPath(1),
      N: () => this.onPath(-1),
      p: () => this.togglePath(),
      r: () => this.takeRange(),
    };
  }

  /** Go to what the chosen bar waited for, or the bar after the chosen gap. */
  cause() {
    const { one } = this;
    if (!one) return;
    const bar = one.gap === undefined ? one.bar : one.run.gap_then[one.gap];
    if (bar < 0) return;
    const found = awaited(one.run, bar).bar;
    if (found >= 0) this.goto({ run: one.run, bar: found });
  }
}

/** Return start and end of a bar or a gap. */
function span(one) {
  const bars = one.gap === undefined ? one.run.bars : one.run.gaps;
  const number = one.gap ?? one.bar;
  return { start: bars.start[number], end: bars.end[number] };
}
