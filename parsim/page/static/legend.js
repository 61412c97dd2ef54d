// The legend of a timeline: what colours and hatches mean.

import { gapName } from "./details.js";
import { element, say } from "./dom.js";
import { hatch } from "./hatch.js";
import { gapFace, inkOn, look, visible } from "./look.js";
import { fit } from "./canvas.js";

/** Return the entries of the legend of runs: words, and a function that draws the sample into a box. */
export function entries(runs, words, dark) {
  const colours = look(dark);
  const found = new Map();
  for (const run of runs) {
    for (const kind of run.kinds) {
      const face = visible(kind.face, dark);
      found.set(kind.name, [words.kinds[kind.name] ?? kind.name, fill(face, kind.hatch, inkOn(face))]);
    }
    for (const [code, cause] of run.causes.entries()) {
      if (!run.gap_cause.includes(code)) continue;
      const name = gapName(cause.name, words);
      found.set(name, [name, fill(gapFace(cause, dark), cause.hatch, inkOn(gapFace(cause, dark)))]);
    }
  }
  for (const run of runs) {
    for (const [name, draw] of [...held(run, words, dark), ...loaded(run, words, colours)]) found.set(name, [name, draw]);
  }
  const { marks } = runs[0];
  found.set("makespan", [words.terms.makespan_s, line(dark ? "#ffffff" : marks.makespan, [])]);
  found.set("theory", [words.terms.t_total_s, line(marks.t_total_s, [5, 4])]);
  return [...found.values()];
}

/** Return the entries of what lies under the timeline: the kinds of memory from the bottom up, and the capacity. */
function held({ memory, marks }, words, dark) {
  const name = (kind) => say(words.memoryOf, { kind: words.held[kind] ?? kind });
  const kinds = memory.kinds.map((kind) => [name(kind.name), fill(visible(kind.face, dark), "", "")]);
  return memory.devices.some(({ limit }) => limit) ? [...kinds, [name("capacity"), line(marks.limit, [5, 4])]] : kinds;
}

/** Return the entries of the load of links; the fullest one is drawn where a row has several. */
function loaded(run, words, colours) {
  if (!run.load.rows.length) return [];
  const several = run.load_most.some((most, place) => most !== run.load_mean[place]);
  const fullest = [words.loadMost, fill(colours.hatch, "", "")];
  return [[words.loadMean, fill(run.marks.used, "", "")], ...(several ? [fullest] : [])];
}

function fill(face, sign, ink) {
  return (pen, box) => {
    pen.fillStyle = face;
    pen.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    pen.globalAlpha = 0.45;
    hatch(pen, sign, box, ink);
    pen.globalAlpha = 1;
  };
}

function line(colour, dashes) {
  return (pen, box) => {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(dashes);
    pen.beginPath();
    pen.moveTo(box.left, (box.top + box.bottom) / 2);
    pen.lineTo(box.right, (box.top + box.bottom) / 2);
    pen.stroke();
    pen.setLineDash([]);
  };
}

/** Return the legend as elements. */
export function legend(runs, words, dark) {
  const ratio = window.devicePixelRatio || 1;
  return entries(runs, words, dark).map(([name, draw]) => {
    const sample = element("canvas", { "aria-hidden": "true" });
    fit(sample, 26, 14, ratio);
    const pen = sample.getContext("2d");
    pen.scale(ratio, ratio);
    draw(pen, { left: 0, right: 26, top: 0, bottom: 14 });
    return element("span", { class: "parsim-entry" }, sample, name);
  });
}
