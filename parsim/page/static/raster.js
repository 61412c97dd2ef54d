// A lane's row of pixels: every bar counts, however short.
//
//   pixel     0    1    2    3         a pixel that bars cover in part has the colour of the bar that covers most of
//   bars    [=====]||  | [=======]     it, mixed with the background by the share that they all leave free

import { after } from "./levels.js";

const BORDER = 4; // pixels from which a bar has a border

/** Draws rows of *width* pixels. Colours are 32-bit numbers as in the image data of a canvas. */
export class Raster {
  constructor(width) {
    this.width = width;
    this.pixels = new Uint32Array(width);
    this.covered = new Float32Array(width);
    this.most = new Float32Array(width);
    this.main = new Uint32Array(width);
  }

  /** Begin a row. */
  clear(background) {
    this.pixels.fill(background);
  }

  /** Draw the bars of *lane* of *level* that are seen; *found* gets those of at least *wide* pixels. */
  draw(level, lane, axis, colours, wide, found) {
    const { start, end, kind, busy, first } = level;
    const scale = this.width / axis.span;
    const last = first[lane + 1];
    this.covered.fill(0);
    this.most.fill(0);
    for (let i = after(level, lane, axis.from); i < last && start[i] < axis.to; i++) {
      const a = Math.max((start[i] - axis.from) * scale, 0);
      const b = Math.min((end[i] - axis.from) * scale, this.width);
      if (b <= a) continue;
      const colour = colours[kind[i]];
      const share = busy ? Math.min(busy[i] / (end[i] - start[i]), 1) : 1;
      const left = Math.floor(a);
      const right = Math.floor(b);
      if (left === right) this.cover(left, (b - a) * share, colour);
      else this.stretch(a, b, left, right, share, colour);
      if (b - a >= wide) found.push(i);
    }
    this.mix();
  }

  stretch(a, b, left, right, share, colour) {
    this.cover(left, b - a >= BORDER ? 0 : (left + 1 - a) * share, colour);
    if (share >= 0.99) this.pixels.fill(colour, left + 1, right);
    else for (let x = left + 1; x < right; x++) this.cover(x, share, colour);
    if (right < this.width) this.cover(right, (b - right) * share, colour);
  }

  cover(x, share, colour) {
    this.covered[x] += share;
    if (share <= this.most[x]) return;
    this.most[x] = share;
    this.main[x] = colour;
  }

  mix() {
    for (let x = 0; x < this.width; x++) {
      const share = this.covered[x];
      if (share > 0) this.pixels[x] = share < 1 ? mixed(this.pixels[x], this.main[x], share) : this.main[x];
    }
  }
}

/** Mix two colours. */
function mixed(below, above, share) {
  let found = 0xff000000;
  for (let shift = 0; shift < 24; shift += 8) {
    const one = (below >>> shift) & 255;
    const other = (above >>> shift) & 255;
    found |= Math.round(one + (other - one) * share) << shift;
  }
  return found >>> 0;
}

/** Return #rrggbb as a 32-bit number. */
export function packedColour(text) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
