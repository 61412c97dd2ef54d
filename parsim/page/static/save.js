// Saves what is seen as a picture, SVG or PNG, and the scenario as YAML.

import { entries } from "./legend.js";
import { FONT, look } from "./look.js";
import { SvgPen, escapeXml } from "./pen.js";
import { seconds } from "./quantities.js";

const TITLE = 28; // pixels of the title, and of each line of the legend
const ENTRY = 150; // pixels of an entry of the legend
const SHARP = 2; // pixels of the PNG for each of the page

/** Return the timeline with all lanes, and the curves below it, over the time that is seen, as SVG. */
function svgOf(view) {
  const { timeline, runs, words, dark } = view;
  const colours = look(dark);
  const pen = new SvgPen(timeline.canvas.getContext("2d"));
  const told = entries(runs, words, dark);
  const columns = Math.max(Math.floor(timeline.wide / ENTRY), 1);
  let height = TITLE;
  pen.fillStyle = colours.ink;
  pen.font = `bold 14px ${FONT}`;
  pen.fillText(view.name(), 6, TITLE / 2);
  height = below(pen, height, () => timeline.whole(pen));
  for (const curves of [view.memory, view.load].filter((one) => one.lanes.length)) {
    pen.font = `11px ${FONT}`;
    pen.textAlign = "left";
    pen.fillStyle = colours.faint;
    pen.fillText(curves.title.textContent, 6, height + 10);
    height = below(pen, height + 20, () => curves.drawLanes(pen));
  }
  told.forEach((entry, place) => {
    const [x, y] = [6 + (place % columns) * ENTRY, height + 8 + Math.floor(place / columns) * 20];
    entry[1](pen, { left: x, right: x + 26, top: y, bottom: y + 14 });
    pen.fillStyle = colours.ink;
    pen.font = `11px ${FONT}`;
    pen.textAlign = "left";
    pen.fillText(entry[0], x + 32, y + 7);
  });
  height += 16 + Math.ceil(told.length / columns) * 20;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${timeline.wide}" height="${height}" font-family="${FONT}">` +
    `<title>${escapeXml(view.name())}</title><rect width="100%" height="100%" fill="${colours.paper}"/>` +
    `${pen.parts.join("")}</svg>`
  );
}

function below(pen, height, draw) {
  pen.save();
  pen.lower(height);
  const tall = draw();
  pen.restore();
  return height + tall;
}

/** Return the same picture as PNG. */
async function pngOf(view) {
  const address = URL.createObjectURL(new Blob([svgOf(view)], { type: "image/svg+xml" }));
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.width * SHARP;
  canvas.height = picture.height * SHARP;
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Let the browser save *content* as a file. */
function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Save the page's picture or scenario: *form* is svg, png or yaml. */
export async function saveAs(view, form) {
  const name = fileName(view.runs[0]);
  if (form === "png") return save(`${name}.png`, await pngOf(view));
  if (form === "svg") return save(`${name}.svg`, new Blob([svgOf(view)], { type: "image/svg+xml" }));
  for (const run of view.runs) save(`${fileName(run)}.yaml`, new Blob(run.text, { type: "application/yaml" }));
}

/** Return the name of a run without what file systems refuse. */
function fileName(run) {
  return run.facts.scenario.replace(/[^\p{L}\p{N}_.-]+/gu, "_").slice(0, 80) || "run";
}

/** Return the title of the picture of runs. */
export function nameOfRuns(runs) {
  const name = (run) => `${run.facts.scenario}, ${run.facts.clock}: ${seconds(run.makespan)}`;
  return runs.length > 1 ? runs.map((run) => `${run.letter}: ${name(run)}`).join("; ") : name(runs[0]);
}
