// The timeline: lanes of bars on a canvas, of which only what is seen is drawn.

import { fit, fitting } from "./canvas.js";
import { decorate } from "./decorate.js";
import { Levels, after } from "./levels.js";
import { FONT, colours, gapFace, look, visible } from "./look.js";
import { seconds } from "./quantities.js";
import { Raster, packedColour } from "./raster.js";
import { rowAt, rowsOf } from "./rows.js";
import { AXIS, drawScale } from "./scale.js";

const HALF = 6; // pixels: half the height of a name
const HATCHED = 10; // pixels from which a bar is hatched

/** Draws runs on a canvas in *root*; `axis` is the time that is seen. */
export class Timeline {
  constructor(root, axis) {
    this.axis = axis;
    this.runs = [];
    this.selected = null; // {run, bar} or {run, gap}
    this.overlays = []; // functions that draw over the bars
    this.painted = []; // functions to call after each picture
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
  load(runs, words, dark) {
    this.runs = runs;
    this.words = words;
    this.dark = dark;
    this.look = look(dark);
    Object.assign(this, rowsOf(runs));
    for (const run of runs) {
      run.rows = this.rows.filter((row) => row.run === run && row.lane >= 0);
      run.levels ??= new Levels(run.bars, run.makespan);
      run.gapLevels ??= new Levels(run.gaps, run.makespan);
      run.colours = colours(run.kinds, dark);
      run.gapFaces = run.causes.map((cause) => gapFace(cause, dark));
      run.gapColours = Uint32Array.from(run.gapFaces, packedColour);
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
    this.offset = this.scroller.scrollTop;
    if (!this.runs.length || this.wide < this.gutter + 10) return;
    const ratio = window.devicePixelRatio || 1;
    fit(this.canvas, this.wide, this.tall, ratio);
    const pen = this.canvas.getContext("2d", { alpha: false });
    pen.setTransform(1, 0, 0, 1, 0, 0);
    this.paintBars(pen, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintOver(pen);
    for (const listener of this.painted) listener();
  }

  /** Draw all lanes with *pen*, shape by shape, and return their height. */
  whole(pen) {
    [this.offset, this.tall] = [0, this.height + AXIS];
    this.shapes(pen);
    this.paintOver(pen);
    this.later();
    return this.height + AXIS;
  }

  /** Draw what lies over the bars, and around them. */
  paintOver(pen) {
    decorate(pen, this);
    pen.save();
    pen.beginPath();
    pen.rect(this.gutter, AXIS, this.wide - this.gutter, this.tall - AXIS);
    pen.clip();
    for (const run of this.runs) this.mark(pen, run);
    for (const draw of this.overlays) draw(pen, this);
    pen.restore();
    this.paintLabels(pen);
    drawScale(pen, this);
  }

  /** Return the rows that are seen. */
  seen() {
    const to = this.offset + this.tall - AXIS;
    return this.rows.filter((row) => row.top + row.height > this.offset && row.top < to);
  }

  /** Return the top of a row on the canvas. */
  y(row) {
    return row.top - this.offset + AXIS;
  }

  paintBars(pen, ratio) {
    const left = Math.round(this.gutter * ratio);
    const image = pen.createImageData(this.canvas.width - left, this.canvas.height);
    const all = new Uint32Array(image.data.buffer);
    const raster = new Raster(image.width);
    const paper = packedColour(this.look.paper);
    all.fill(paper);
    this.wideBars = [];
    this.wideGaps = [];
    for (const row of this.seen()) {
      if (row.lane < 0) continue;
      this.rasterise(raster, row, paper, ratio);
      const top = Math.max(Math.round(this.y(row) * ratio), 0);
      const bottom = Math.min(Math.round((this.y(row) + row.height) * ratio), image.height);
      for (let y = top; y < bottom; y++) all.set(raster.pixels, y * image.width);
    }
    pen.fillStyle = this.look.paper;
    pen.fillRect(0, 0, left, this.canvas.height);
    pen.putImageData(image, left, 0);
  }

  rasterise(raster, row, paper, ratio) {
    const { run, lane } = row;
    const pixel = this.axis.span / raster.width;
    raster.clear(paper);
    const gaps = run.gapLevels.at(pixel);
    const wide = [];
    raster.draw(gaps, lane, this.axis, run.gapColours, HATCHED * ratio, wide);
    for (const gap of wide) this.wideGaps.push([row, gaps, gap]);
    const level = run.levels.at(pixel);
    wide.length = 0;
    raster.draw(level, lane, this.axis, run.colours, HATCHED * ratio, wide);
    for (const bar of wide) this.wideBars.push([row, level, bar]);
  }

  /** Draw the bars that are seen one by one. */
  shapes(pen) {
    this.wideBars = [];
    this.wideGaps = [];
    const pixel = this.axis.span / (this.wide - this.gutter);
    for (const row of this.seen().filter((one) => one.lane >= 0)) {
      const { run, lane } = row;
      const each = (level, colour, wide, found) => {
        for (
          let i = after(level, lane, this.axis.from);
          i < level.first[lane + 1] && level.start[i] < this.axis.to;
          i++
        ) {
          const [left, right] = this.ends(level.start[i], level.end[i]);
          pen.fillStyle = colour(i);
          pen.globalAlpha = level.busy ? Math.min(level.busy[i] / (level.end[i] - level.start[i]), 1) : 1;
          const border = right - left >= 4 ? 0.7 : 0;
          pen.fillRect(left + border, this.y(row), Math.max(right - left - border, 0.3), row.height);
          if (right - left >= wide) found(level, i);
        }
        pen.globalAlpha = 1;
      };
      const gaps = run.gapLevels.at(pixel);
      each(
        gaps,
        (i) => run.gapFaces[gaps.kind[i]],
        HATCHED,
        (level, gap) => this.wideGaps.push([row, level, gap]),
      );
      const level = run.levels.at(pixel);
      each(
        level,
        (i) => run.faces[level.kind[i]],
        HATCHED,
        (_, bar) => this.wideBars.push([row, level, bar]),
      );
    }
  }

  /** Return where a bar begins and ends on the canvas, as far as it is seen. */
  ends(start, end) {
    return [Math.max(this.x(start), this.gutter), Math.min(this.x(end), this.wide)];
  }

  /** Write the names of lanes. */
  paintLabels(pen) {
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    let free = -Infinity;
    for (const row of this.seen()) {
      const y = Math.max(Math.min(this.y(row) + row.height / 2, this.tall - HALF), AXIS + HALF); // in full at the edges
      if (row.lane < 0) this.title(pen, row);
      else if (y - HALF >= free) {
        const lane = row.run.lanes[row.lane];
        const main = lane.kind === "compute" || lane.name.startsWith(`${lane.worker} `);
        if (!main && row.height < 9) continue;
        pen.fillStyle = main ? this.look.ink : this.look.faint;
        pen.font = `${main ? 12 : 10}px ${FONT}`;
        pen.fillText(fitting(pen, lane.name, this.gutter - (main ? 10 : 20)), main ? 6 : 16, y);
        free = y + HALF;
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

  /** Draw the end of a run, and T_total dashed. */
  mark(pen, run) {
    const mine = this.rows.filter((row) => row.run === run);
    const top = this.y(mine[0]);
    const last = mine[mine.length - 1];
    const bottom = this.y(last) + last.height;
    const lines = [
      [run.makespan, this.dark ? "#ffffff" : run.marks.makespan, []],
      [run.facts.ledger.t_total_s, run.marks.t_total_s, [5, 4]],
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
    const row = one.run.rows[bars.lane[number]];
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
