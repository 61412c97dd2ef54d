// Sizes on a canvas: its own, and those of words.

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
