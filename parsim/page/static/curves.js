// Curves under the timeline on its axis: memory of devices by kind, and the load of links.

import { element, say } from "./dom.js";
import { FONT, look, visible } from "./look.js";
import { percent, size } from "./quantities.js";
import { fit, fitting } from "./canvas.js";

const HIGH = 44; // pixels of a lane
const LOW = 26; // of many
const FEW = 6;
const FAR = 3; // times the fullest, beyond which a capacity is not drawn

/** Draws lanes of curves on a canvas of its own in *root*, with the gutter and the axis of *timeline*. */
export class Curves {
  constructor(root, timeline, draw) {
    this.timeline = timeline;
    this.draw = draw;
    this.title = element("p", { class: "parsim-title" });
    this.canvas = element("canvas", { role: "img" });
    root.append(this.title, this.canvas);
    timeline.painted.push(() => this.paint());
  }

  /** Show *lanes*, each with a name, lines of words below it, and what *draw* needs, under a title. */
  load(lanes, title) {
    this.lanes = lanes;
    this.title.textContent = title;
    this.title.hidden = !title;
    this.canvas.hidden = !lanes.length;
    this.canvas.setAttribute("aria-label", title);
    this.each = lanes.length <= FEW ? HIGH : LOW;
  }

  paint() {
    if (!this.lanes?.length) return;
    const { wide, dark } = this.timeline;
    const ratio = window.devicePixelRatio || 1;
    fit(this.canvas, wide, this.lanes.length * this.each + 4, ratio);
    const pen = this.canvas.getContext("2d", { alpha: false });
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = look(dark).paper;
    pen.fillRect(0, 0, wide, this.canvas.height);
    this.drawLanes(pen);
  }

  /** Draw the lanes with *pen*, and return their height. */
  drawLanes(pen) {
    const { wide, gutter, dark } = this.timeline;
    const colours = look(dark);
    this.lanes.forEach((lane, place) => {
      const foot = (place + 1) * this.each;
      pen.save();
      pen.beginPath();
      pen.rect(gutter, foot - this.each, wide - gutter, this.each + 1);
      pen.clip();
      this.draw(pen, lane, { timeline: this.timeline, foot, tall: this.each - 6, colours });
      pen.restore();
      pen.fillStyle = colours.line;
      pen.fillRect(gutter, foot, wide - gutter, 1);
      this.label(pen, lane, foot, colours);
    });
    return this.lanes.length * this.each + 4;
  }

  /** Return the lane at *y*, or undefined. */
  at(y) {
    return this.lanes[Math.floor(y / this.each)];
  }

  label(pen, lane, foot, colours) {
    const lines = lane.words.slice(this.each === HIGH ? 0 : -1);
    const top = foot - this.each / 2 - 6 * lines.length;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.fillStyle = colours.ink;
    pen.font = `${this.each === HIGH ? 12 : 11}px ${FONT}`;
    pen.fillText(fitting(pen, lane.name, this.timeline.gutter - 10), 6, top);
    pen.fillStyle = colours.faint;
    pen.font = `10px ${FONT}`;
    lines.forEach((line, place) => pen.fillText(fitting(pen, line, this.timeline.gutter - 10), 6, top + 12 * (place + 1)));
  }
}

/** Return the lanes of memory of a run. */
export function memoryLanes(run) {
  let at = 0;
  const lanes = run.memory.devices.map(({ name, limit, steps }) => {
    const bytes = run.memory.kinds.map((kind, number) => run[`memory_${number}`].subarray(at, at + steps));
    const lane = { name, limit, run, moments: run.memory_at.subarray(at, at + steps), bytes };
    at += steps;
    lane.peak = peakOf(lane);
    lane.words = [limit ? `${size(lane.peak)} / ${size(limit)}` : size(lane.peak)];
    return lane;
  });
  const fullest = Math.max(0, ...lanes.map((lane) => lane.peak));
  const limits = lanes.map((lane) => lane.limit ?? 0).filter((limit) => limit <= FAR * fullest);
  for (const lane of lanes) lane.scale = Math.max(fullest, ...limits) || 1;
  return lanes;
}

/** Return the title of the memory of runs, with what is not shown and why. */
export function memoryTitle(runs, words) {
  if (!runs.some((run) => run.memory.known)) return words.unknownMemory;
  if (!runs.some((run) => run.memory.devices.length)) return words.noMemory;
  const more = runs.reduce((sum, run) => sum + run.memory.more, 0);
  return more ? `${words.memory}; ${say(words.moreDevices, { count: more })}` : words.memory;
}

/** Return the title of the load of links of runs, or why there is none; nothing where that of the memory says so. */
export function loadTitle(runs, words) {
  if (!runs.some((run) => run.load.known)) return "";
  if (runs.some((run) => run.load.rows.length)) return words.load;
  const delays = runs.some((run) => run.bars.lane.some((lane) => run.lanes[lane].kind !== "compute"));
  return runs[0].load.why || (delays ? words.onlyDelays : words.noLoad);
}

function peakOf(lane) {
  let peak = 0;
  for (let i = 0; i < lane.moments.length; i++) {
    peak = Math.max(
      peak,
      lane.bytes.reduce((sum, part) => sum + part[i], 0),
    );
  }
  return peak;
}

/** Draw the memory of a device: its kinds stacked, its capacity dashed. */
export function drawMemory(pen, lane, { timeline, foot, tall }) {
  const under = new Float64Array(lane.moments.length);
  lane.bytes.forEach((part, number) => {
    const over = under.map((sum, i) => sum + part[i]);
    pen.fillStyle = visible(lane.run.memory.kinds[number].face, timeline.dark);
    steps(pen, timeline, lane, under, over, (bytes) => foot - (bytes / lane.scale) * tall);
    under.set(over);
  });
  if (!lane.limit || lane.limit > lane.scale) return;
  const y = foot - (lane.limit / lane.scale) * tall;
  pen.strokeStyle = lane.run.marks.limit;
  pen.setLineDash([5, 4]);
  pen.beginPath();
  pen.moveTo(timeline.x(0), y);
  pen.lineTo(timeline.x(lane.run.makespan), y);
  pen.stroke();
  pen.setLineDash([]);
}

/** Fill between two curves of steps, as far as they are seen. */
function steps(pen, timeline, lane, under, over, y) {
  const { moments } = lane;
  for (let i = 0; i < moments.length; i++) {
    const until = i + 1 < moments.length ? moments[i + 1] : lane.run.makespan;
    if (until < timeline.axis.from || over[i] === under[i]) continue;
    if (moments[i] > timeline.axis.to) break;
    const x = timeline.x(moments[i]);
    pen.fillRect(x, y(over[i]), Math.max(timeline.x(until) - x, 0.5), y(under[i]) - y(over[i]));
  }
}

/** Return the lanes of the load of links of a run. */
export function loadLanes(run) {
  const { rows } = run.load;
  const each = rows.length ? run.load_mean.length / rows.length : 0;
  return rows.map((row, place) => ({
    name: row.name,
    words: row.words[0].split(": "),
    more: row.words.join(", "),
    run,
    mean: run.load_mean.subarray(place * each, (place + 1) * each),
    most: run.load_most.subarray(place * each, (place + 1) * each),
  }));
}

/** Draw the load of a row of links: the fullest link pale, the mean in front of it. */
export function drawLoad(pen, lane, { timeline, foot, tall, colours }) {
  const each = lane.run.makespan / lane.mean.length;
  for (const [shares, face] of [
    [lane.most, colours.hatch],
    [lane.mean, lane.run.marks.used],
  ]) {
    pen.fillStyle = face;
    for (let i = 0; i < shares.length; i++) {
      if (!shares[i] || (i + 1) * each < timeline.axis.from || i * each > timeline.axis.to) continue;
      const x = timeline.x(i * each);
      pen.fillRect(x, foot - shares[i] * tall, timeline.x((i + 1) * each) - x + 0.3, shares[i] * tall);
    }
  }
}

/** Return what a curve shows at a moment: bytes by kind, or the share of the bandwidth. */
export function told(lane, moment, words) {
  if (lane.mean) {
    const place = Math.floor((moment / lane.run.makespan) * lane.mean.length);
    return lane.mean[place] === undefined ? "" : `${lane.name}: ${percent(lane.mean[place])} (${lane.more})`;
  }
  let step = -1;
  while (step + 1 < lane.moments.length && lane.moments[step + 1] <= moment) step++;
  if (step < 0) return "";
  const parts = lane.run.memory.kinds.map((kind, number) => [kind.name, lane.bytes[number][step]]);
  const held = parts.filter(([, bytes]) => bytes).map(([name, bytes]) => `${name} ${size(bytes)}`);
  const limit = lane.limit ? say(` ({words} {limit})`, { words: words.capacity, limit: size(lane.limit) }) : "";
  return `${lane.name}${limit}: ${held.join(", ") || size(0)}`;
}
