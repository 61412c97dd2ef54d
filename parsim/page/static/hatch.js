// Hatches over bars, so that kinds and causes differ in grey print, too; the letters are those of matplotlib.

const APART = 6; // pixels between lines

/** Draw *hatch* into a box. */
export function hatch(pen, hatch, box, colour) {
  if (!hatch) return;
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  pen.lineWidth = 0.8;
  pen.beginPath();
  const marks = new Set(hatch);
  if (marks.has("/") || marks.has("x")) slanted(pen, box, 1);
  if (marks.has("\\") || marks.has("x")) slanted(pen, box, -1);
  if (marks.has("-") || marks.has("+")) level(pen, box);
  if (marks.has("+")) upright(pen, box);
  pen.stroke();
  if (marks.has(".")) dots(pen, box, 1);
  if (marks.has("o")) dots(pen, box, 2.5);
}

/** Draw lines that rise to the right (1) or fall (-1), cut at the edges of the box. */
function slanted(pen, { left, right, top, bottom }, sign) {
  const tall = bottom - top;
  for (let x = left - tall + APART / 2; x < right; x += APART) {
    const [from, to] = [Math.max(x, left), Math.min(x + tall, right)];
    if (to <= from) continue;
    const y = (at) => (sign > 0 ? bottom - (at - x) : top + (at - x));
    pen.moveTo(from, y(from));
    pen.lineTo(to, y(to));
  }
}

function level(pen, { left, right, top, bottom }) {
  for (let y = top + APART / 2; y < bottom; y += APART) {
    pen.moveTo(left, y);
    pen.lineTo(right, y);
  }
}

function upright(pen, { left, right, top, bottom }) {
  for (let x = left + APART / 2; x < right; x += APART) {
    pen.moveTo(x, top);
    pen.lineTo(x, bottom);
  }
}

function dots(pen, { left, right, top, bottom }, size) {
  for (let y = top + APART / 2; y + size < bottom; y += APART) {
    for (let x = left + APART / 2; x + size < right; x += APART) pen.fillRect(x, y, size, size);
  }
}
