// The axis of time above the lanes of a timeline.

import { ticks } from "./axis.js";
import { fitting } from "./canvas.js";
import { FONT } from "./look.js";
import { seconds } from "./quantities.js";

/** The height of the axis in pixels. */
export const AXIS = 24;

/** Draw the axis of *timeline*. */
export function drawScale(pen, timeline) {
  pen.fillStyle = timeline.look.paper;
  pen.fillRect(0, 0, timeline.wide, AXIS);
  pen.font = `11px ${FONT}`;
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  const most = Math.floor((timeline.wide - timeline.gutter) / 90);
  for (const tick of ticks(timeline.axis.from, timeline.axis.to, most)) {
    const x = timeline.x(tick);
    if (x < timeline.gutter || tick < 0) continue;
    pen.fillStyle = timeline.look.line;
    pen.fillRect(Math.round(x), AXIS - 5, 1, 5);
    pen.fillStyle = timeline.look.faint;
    if (x < timeline.wide - 30) pen.fillText(seconds(tick, digitsFor(tick, timeline.axis.span)), x, AXIS / 2 - 2);
  }
  pen.fillStyle = timeline.look.line;
  pen.fillRect(timeline.gutter, AXIS - 1, timeline.wide - timeline.gutter, 1);
  pen.fillStyle = timeline.look.faint;
  pen.textAlign = "left";
  pen.fillText(fitting(pen, timeline.words.time, timeline.gutter - 10), 6, AXIS / 2 - 2);
}

/** Return with how many digits neighbours on the axis differ. */
function digitsFor(moment, span) {
  return Math.min(Math.max(Math.ceil(Math.log10(Math.abs(moment) / span + 1)) + 2, 3), 12);
}
