// Hatches, names of bars and causes of gaps, where there is room for them.

import { fitting } from "./canvas.js";
import { hatch } from "./hatch.js";
import { FONT, inkOn } from "./look.js";
import { nameOf } from "./unpack.js";

const NAMED = 20; // pixels from which a bar has its name in it
const MOST = 1500; // bars
const LOW = 9; // pixels of a lane from which its bars have names

/** Draw over the wide bars and gaps of *timeline*. */
export function decorate(pen, timeline) {
  const { words } = timeline;
  const roomy = (found) => found.filter(([row, level]) => row.height >= LOW && !level.busy).slice(0, MOST);
  for (const [row, level, gap] of roomy(timeline.wideGaps)) {
    const { name, hatch: sign } = row.run.causes[level.kind[gap]];
    const face = row.run.gapFaces[level.kind[gap]];
    const word = words.causes[name] ?? name;
    fill(pen, cell(timeline, row, level, gap), { sign, ink: inkOn(face), word, face, letters: inkOn(face) });
  }
  for (const [row, level, bar] of roomy(timeline.wideBars)) {
    const face = row.run.faces[level.kind[bar]];
    const ink = inkOn(face);
    const sign = row.run.kinds[level.kind[bar]].hatch;
    fill(pen, cell(timeline, row, level, bar), { sign, ink, word: nameOf(row.run, bar), face, letters: ink });
  }
}

function cell(timeline, row, level, number) {
  const [left, right] = timeline.ends(level.start[number], level.end[number]);
  return { left, right, top: timeline.y(row), bottom: timeline.y(row) + row.height };
}

/** Hatch a cell, and write a word into it. */
function fill(pen, cell, { sign, ink, word, face, letters }) {
  pen.globalAlpha = 0.4;
  hatch(pen, sign, cell, ink);
  pen.globalAlpha = 1;
  const high = Math.min(cell.bottom - cell.top - 4, 12);
  pen.font = `${high}px ${FONT}`;
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  const shown = cell.right - cell.left >= NAMED ? fitting(pen, word, cell.right - cell.left - 6) : "";
  if (!shown || (shown !== word && shown.length < 4)) return;
  const [x, y] = [(cell.left + cell.right) / 2, (cell.top + cell.bottom) / 2];
  const wide = pen.measureText(shown).width + 4;
  pen.fillStyle = face;
  if (sign) pen.fillRect(x - wide / 2, y - high / 2, wide, high);
  pen.fillStyle = letters;
  pen.fillText(shown, x, y + 0.5);
}
