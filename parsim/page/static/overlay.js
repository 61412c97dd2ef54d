// What lies over the bars: the critical path, the arrows of the chosen bar, its outline, and the chosen range.

import { children, parents } from "./unpack.js";

const MOST = 60; // arrows to each side

/** Outline the bars of the critical path that are seen, and join each to the next. */
export function drawPath(pen, timeline) {
  const { look, axis } = timeline;
  for (const run of timeline.runs) {
    const [first, last] = between(run, axis);
    const boxes = Array.from(run.path.subarray(first, last), (bar) => timeline.box({ run, bar }));
    const shown = joined(boxes);
    for (const [colour, width] of [
      [look.casing, 4],
      [look.path, 2],
    ]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      shown.forEach((box, place) => {
        pen.rect(box.left, box.top + 1, box.right - box.left, box.height - 2);
        const next = shown[place + 1];
        if (!next) return;
        pen.moveTo(box.right, box.top + box.height / 2);
        pen.lineTo(next.left, next.top + next.height / 2);
      });
      pen.stroke();
    }
  }
}

/** Return the first step of the path that is seen, and the one after the last. */
function between(run, axis) {
  const { path } = run;
  let first = 0;
  while (first < path.length && run.bars.end[path[first]] < axis.from) first++;
  let last = first;
  while (last < path.length && run.bars.start[path[last]] <= axis.to) last++;
  return [Math.max(first - 1, 0), Math.min(last + 1, path.length)];
}

/** Join neighbours of one lane that are too short to be outlined each. */
function joined(boxes) {
  const found = [];
  for (const box of boxes) {
    const before = found[found.length - 1];
    const slim = box.right - box.left < 4;
    if (slim && before?.slim && before.top === box.top && box.left - before.right < 1) before.right = box.right;
    else found.push({ ...box, slim });
  }
  return found;
}

/** Draw arrows to the chosen bar from those that it needs, and from it to those that need it. */
export function drawArrows(pen, timeline) {
  const one = timeline.selected;
  if (!one) return;
  const mine = timeline.box(one);
  pen.strokeStyle = timeline.look.path;
  pen.lineWidth = 2.5;
  pen.strokeRect(mine.left, mine.top, mine.right - mine.left, mine.height);
  if (one.gap !== undefined) return;
  one.run.childrenOf ??= new Map();
  if (!one.run.childrenOf.has(one.bar)) one.run.childrenOf.set(one.bar, children(one.run, one.bar));
  const box = (bar) => timeline.box({ run: one.run, bar });
  for (const bar of parents(one.run, one.bar).slice(0, MOST)) arrow(pen, timeline, box(bar), mine);
  for (const bar of one.run.childrenOf.get(one.bar).slice(0, MOST)) arrow(pen, timeline, mine, box(bar));
}

function arrow(pen, timeline, from, to) {
  const [x1, y1] = [from.right, from.top + from.height / 2];
  const [x2, y2] = [to.left, to.top + to.height / 2];
  const bend = Math.max(Math.abs(x2 - x1) / 2, 14);
  for (const [colour, width] of [
    [timeline.look.casing, 3.5],
    [timeline.look.path, 1.5],
  ]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2 - 2, y2);
    pen.moveTo(x2 - 7, y2 - 4);
    pen.lineTo(x2 - 1, y2);
    pen.lineTo(x2 - 7, y2 + 4);
    pen.stroke();
  }
}

/** Shade the chosen range of time. */
export function drawRange(pen, timeline) {
  if (!timeline.range) return;
  const [left, right] = timeline.range.map((moment) => Math.max(timeline.x(moment), timeline.gutter));
  pen.globalAlpha = 0.18;
  pen.fillStyle = timeline.look.path;
  pen.fillRect(left, 0, right - left, timeline.tall);
  pen.globalAlpha = 1;
  for (const x of [left, right]) pen.fillRect(x, 0, 1, timeline.tall);
}
