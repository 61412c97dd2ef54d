// The timeline: lanes of bars on a canvas, of which only what is seen is drawn.

import { ticks } from "./axis.js";
import { Levels, after } from "./levels.js";
import { FONT, colours, inkOn, look, visible } from "./look.js";
import { Raster, packedColour } from "./raster.js";
import { rowAt, rowsOf } from "./rows.js";
import { seconds } from "./quantities.js";
import { nameOf } from "./unpack.js";

const AXIS = 24; // pixels of the axis above the lanes
const NAMED = 26; // pixels from which a bar has its name in it
const MOST_NAMES = 1500;

/** Draws runs on a canvas in *root*; `axis` is the time that is seen. */
export class Timeline {
  constructor(root, axis, words) {
    this.axis = axis;
    this.words = words;
    this.runs = [];
    this.selected = null; // {run, bar} or {run, gap}
    this.overlays = []; // functions that draw on top
    this.build(root);
    axis.listeners.add(() => this.later());
    new ResizeObserver(() => this.later()).observe(this.scroller);
  }

  build(root) {
    this.scroller = document.createElement("div");
    this.scroller.className = "parsim-lanes";
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.room = document.createElement("div"); // as tall as all lanes, so that the lanes scroll
    this.room.append(this.canvas);
    this.scroller.append(this.room);
    root.append(this.scroller);
    this.scroller.addEventListener("scroll", () => this.later());
  }

  /** Show *runs*, which share the axis. */
  load(runs, dark) {
    this.runs = runs;
    this.dark = dark;
    this.look = look(dark);
    Object.assign(this, rowsOf(runs));
    for (const run of runs) {
      run.levels ??= new Levels(run.bars, run.makespan);
      run.gapLevels ??= new Levels(run.gaps, run.makespan);
      run.colours = colours(run.kinds, dark);
      run.faces = run.kinds.map((kind) => visible(kind.face, dark));
    }
    this.room.style.height = `${this.height + AXIS}px`;
    this.later();
  }

  /** Draw before the next frame. */
  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  /** The pixels on the left for the names of lanes. */
  get gutter() {
    return this.wide < 560 ? 74 : 132;
  }

  /** Return the x of a moment, in pixels. */
  x(moment) {
    return this.gutter + ((moment - this.axis.from) / this.axis.span) * (this.wide - this.gutter);
  }

  /** Return the moment at an x. */
  moment(x) {
    return this.axis.from + ((x - this.gutter) / (this.wide - this.gutter)) * this.axis.span;
  }

  /** Draw everything now. */
  paint() {
    this.wide = this.scroller.clientWidth;
    this.tall = Math.min(this.scroller.clientHeight || this.height + AXIS, this.height + AXIS);
    if (!this.runs.length || this.wide < this.gutter + 10) return;
    const ratio = window.devicePixelRatio || 1;
    fit(this.canvas, this.wide, this.tall, ratio);
    const pen = this.canvas.getContext("2d", { alpha: false });
    pen.setTransform(1, 0, 0, 1, 0, 0);
    this.paintBars(pen, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintNames(pen);
    this.paintLabels(pen);
    for (const draw of this.overlays) draw(pen, this);
    this.paintAxis(pen);
  }

  /** Return the rows that are seen. */
  seen() {
    const from = this.scroller.scrollTop;
    const to = from + this.tall - AXIS;
    return this.rows.filter((row) => row.top + row.height > from && row.top < to);
  }

  /** Return the top of a row on the canvas. */
  y(row) {
    return row.top - this.scroller.scrollTop + AXIS;
  }

  paintBars(pen, ratio) {
    const left = Math.round(this.gutter * ratio);
    const image = pen.createImageData(this.canvas.width - left, this.canvas.height);
    const all = new Uint32Array(image.data.buffer);
    const raster = new Raster(image.width);
    const paper = packedColour(this.look.paper);
    const idle = packedColour(this.look.idle);
    all.fill(paper);
    this.wideBars = [];
    this.wideGaps = [];
    for (const row of this.seen()) {
      if (row.lane < 0) continue;
      this.rasterise(raster, row, paper, idle, ratio);
      const top = Math.max(Math.round(this.y(row) * ratio), 0);
      const bottom = Math.min(Math.round((this.y(row) + row.height) * ratio), image.height);
      for (let y = top; y < bottom; y++) all.set(raster.pixels, y * image.width);
    }
    pen.fillStyle = this.look.paper;
    pen.fillRect(0, 0, left, this.canvas.height);
    pen.putImageData(image, left, 0);
  }

  rasterise(raster, row, paper, idle, ratio) {
    const { run, lane } = row;
    const pixel = this.axis.span / raster.width;
    raster.clear(paper);
    const gaps = run.gapLevels.at(pixel);
    const wide = [];
    raster.draw(gaps, lane, this.axis, new Uint32Array(run.causes.length).fill(idle), 10 * ratio, wide);
    if (!gaps.busy) for (const gap of wide) this.wideGaps.push([row, gap]);
    const level = run.levels.at(pixel);
    wide.length = 0;
    raster.draw(level, lane, this.axis, run.colours, NAMED * ratio, wide);
    for (const bar of wide) this.wideBars.push([row, level, bar]);
  }

  /** Write names into bars and causes into gaps that have room for them. */
  paintNames(pen) {
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    let written = 0;
    for (const [row, level, bar] of this.wideBars) {
      if (row.height < 9 || level.busy || written++ > MOST_NAMES) continue;
      this.write(pen, row, level.start[bar], level.end[bar], nameOf(row.run, bar), inkOn(row.run.faces[level.kind[bar]]));
    }
    for (const [row, gap] of this.wideGaps) {
      if (row.height < 9 || written++ > MOST_NAMES) continue;
      const { gaps, causes } = row.run;
      const word = this.words.causes[causes[gaps.kind[gap]].name] ?? causes[gaps.kind[gap]].name;
      this.write(pen, row, gaps.start[gap], gaps.end[gap], word, this.look.faint);
    }
  }

  write(pen, row, start, end, text, ink) {
    const left = Math.max(this.x(start), this.gutter);
    const right = Math.min(this.x(end), this.wide);
    pen.font = `${Math.min(row.height - 4, 12)}px ${FONT}`;
    const shown = fitting(pen, text, right - left - 6);
    if (!shown) return;
    pen.fillStyle = ink;
    pen.fillText(shown, (left + right) / 2, this.y(row) + row.height / 2 + 0.5);
  }

  /** Write the names of lanes. */
  paintLabels(pen) {
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    let free = -Infinity;
    for (const row of this.seen()) {
      const y = this.y(row) + row.height / 2;
      if (row.lane < 0) this.title(pen, row);
      else if (y - 5.5 >= free) {
        const lane = row.run.lanes[row.lane];
        const main = lane.kind === "compute";
        if (!main && row.height < 9) continue;
        pen.fillStyle = main ? this.look.ink : this.look.faint;
        pen.font = `${main ? 12 : 10}px ${FONT}`;
        pen.fillText(fitting(pen, lane.name, this.gutter - (main ? 10 : 20)), main ? 6 : 16, y);
        free = y + 5.5;
      }
    }
  }

  title(pen, row) {
    pen.fillStyle = this.look.ink;
    pen.font = `bold 12px ${FONT}`;
    const { scenario, makespan_s } = row.run.facts;
    const text = `${row.run.letter}: ${scenario}, ${seconds(makespan_s)}`;
    pen.fillText(fitting(pen, text, this.wide - 12), 6, this.y(row) + row.height / 2);
  }

  paintAxis(pen) {
    pen.fillStyle = this.look.paper;
    pen.fillRect(0, 0, this.wide, AXIS);
    pen.font = `11px ${FONT}`;
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    const most = Math.floor((this.wide - this.gutter) / 90);
    for (const tick of ticks(this.axis.from, this.axis.to, most)) {
      const x = this.x(tick);
      if (x < this.gutter || tick < 0) continue;
      pen.fillStyle = this.look.line;
      pen.fillRect(Math.round(x), AXIS - 5, 1, 5);
      pen.fillStyle = this.look.faint;
      if (x < this.wide - 30) pen.fillText(seconds(tick, digitsFor(tick, this.axis.span)), x, AXIS / 2 - 2);
    }
    pen.fillStyle = this.look.line;
    pen.fillRect(this.gutter, AXIS - 1, this.wide - this.gutter, 1);
    pen.fillStyle = this.look.faint;
    pen.textAlign = "left";
    pen.fillText(fitting(pen, this.words.time, this.gutter - 10), 6, AXIS / 2 - 2);
    for (const run of this.runs) this.mark(pen, run);
  }

  /** Draw the end of a run, and T_total dashed. */
  mark(pen, run) {
    const mine = this.rows.filter((row) => row.run === run);
    const top = Math.max(this.y(mine[0]), AXIS);
    const last = mine[mine.length - 1];
    const bottom = this.y(last) + last.height;
    const lines = [
      [run.makespan, this.dark ? "#ffffff" : run.marks.makespan, []],
      [run.facts.ledger.t_total_s, run.marks.theory, [5, 4]],
    ];
    for (const [moment, colour, dashes] of lines) {
      const x = this.x(moment);
      if (x < this.gutter || x > this.wide) continue;
      pen.strokeStyle = colour;
      pen.setLineDash(dashes);
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, bottom);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  /** Return what is at a point of the canvas: {run, bar}, {run, gap}, or null. */
  pick(x, y) {
    const row = y > AXIS ? rowAt(this.rows ?? [], y - AXIS + this.scroller.scrollTop) : undefined;
    if (!row || row.lane < 0 || x < this.gutter) return null;
    const near = (1.5 * this.axis.span) / (this.wide - this.gutter);
    const bar = nearest(row.run.levels.levels[0], row.lane, this.moment(x), near);
    if (bar >= 0) return { run: row.run, bar };
    const gap = nearest(row.run.gapLevels.levels[0], row.lane, this.moment(x), near);
    return gap >= 0 ? { run: row.run, gap } : null;
  }

  /** Scroll the lanes so that the lane of a bar or a gap is seen. */
  scrollTo(one) {
    const { row } = this.box(one);
    const { scrollTop, clientHeight } = this.scroller;
    const hidden = row.top < scrollTop || row.top + row.height + AXIS > scrollTop + clientHeight;
    if (hidden) this.scroller.scrollTop = row.top - clientHeight / 2;
  }

  /** Return the box of a bar or a gap on the canvas. */
  box(one) {
    const bars = one.gap === undefined ? one.run.bars : one.run.gaps;
    const number = one.gap ?? one.bar;
    const row = this.rows.find((some) => some.run === one.run && some.lane === bars.lane[number]);
    const left = this.x(bars.start[number]);
    return { row, left, right: Math.max(this.x(bars.end[number]), left + 2), top: this.y(row), height: row.height };
  }
}

/** Return the bar of a lane at a moment, else the one that is nearest within *near* seconds, or -1. */
function nearest(bars, lane, moment, near) {
  let best = -1;
  let distance = near;
  for (let i = after(bars, lane, moment - near); i < bars.first[lane + 1] && bars.start[i] <= moment + near; i++) {
    const away = Math.max(bars.start[i] - moment, moment - bars.end[i], 0);
    if (away < distance || (away === 0 && best < 0)) {
      best = i;
      distance = away;
      if (!away) break;
    }
  }
  return best;
}

/** Give a canvas its size in pixels of the screen. */
export function fit(canvas, wide, tall, ratio) {
  const [width, height] = [Math.round(wide * ratio), Math.round(tall * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${tall}px`;
}

/** Return as much of *text* as has room in *room* pixels, with an ellipsis where some is left out. */
export function fitting(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let length = Math.floor((text.length * room) / pen.measureText(text).width);
  while (length > 0 && pen.measureText(`${text.slice(0, length)}…`).width > room) length--;
  return length > 0 ? `${text.slice(0, length)}…` : "";
}

/** Return with how many digits neighbours on the axis differ. */
function digitsFor(moment, span) {
  return Math.min(Math.max(Math.ceil(Math.log10(Math.abs(moment) / span + 1)) + 2, 3), 12);
}
