// Mouse, wheel, touch and keys on a timeline.

const STEP = 0.15; // of what is seen, moved by a key
const FASTER = 1.3; // zoom of a key
const STILL = 4; // pixels by which a click may move

/** Let people zoom, move and choose on *timeline*; *on* has hover(one, event), choose(one or null) and range(range). */
export function listen(timeline, on) {
  const { canvas } = timeline;
  canvas.addEventListener("wheel", (event) => wheel(timeline, event), { passive: false });
  const touches = new Map();
  let pressed = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, event.offsetX);
    pressed = touches.size === 1 ? { x: event.offsetX, y: event.offsetY, moved: false } : null;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!touches.has(event.pointerId)) return on.hover(timeline.pick(event.offsetX, event.offsetY), event);
    if (touches.size === 2) return pinch(timeline, touches, event);
    const away = event.offsetX - touches.get(event.pointerId);
    if (pressed && Math.abs(event.offsetX - pressed.x) + Math.abs(event.offsetY - pressed.y) > STILL)
      pressed.moved = true;
    if (pressed?.moved && event.shiftKey) on.range(ordered(timeline, pressed.x, event.offsetX));
    else if (pressed?.moved) drag(timeline, away);
    touches.set(event.pointerId, event.offsetX);
  });
  canvas.addEventListener("pointerup", (event) => {
    touches.delete(event.pointerId);
    if (pressed && !pressed.moved) on.choose(timeline.pick(event.offsetX, event.offsetY));
    pressed = null;
  });
  canvas.addEventListener("pointercancel", (event) => touches.delete(event.pointerId));
  canvas.addEventListener("pointerleave", (event) => on.hover(null, event));
}

function ordered(timeline, one, other) {
  const [from, to] = [timeline.moment(Math.min(one, other)), timeline.moment(Math.max(one, other))];
  return [Math.max(from, 0), Math.min(to, timeline.axis.whole)];
}

function wheel(timeline, event) {
  if (event.shiftKey) {
    timeline.axis.pan(Math.sign(event.deltaY || event.deltaX) * STEP);
  } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    drag(timeline, -event.deltaX);
  } else {
    const turned = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    timeline.axis.zoom(2 ** (-turned / 240), timeline.moment(event.offsetX));
  }
  event.preventDefault();
}

function drag(timeline, pixels) {
  timeline.axis.pan(-pixels / (timeline.wide - timeline.gutter));
}

function pinch(timeline, touches, event) {
  const [before, after] = [[...touches.values()], touches.set(event.pointerId, event.offsetX) && [...touches.values()]];
  const [was, is] = [before, after].map(([one, other]) => Math.max(Math.abs(one - other), 10));
  const [middle, now] = [before, after].map(([one, other]) => (one + other) / 2);
  timeline.axis.zoom(is / was, timeline.moment(middle));
  drag(timeline, now - middle);
}

const MOVES = {
  w: (axis, at) => axis.zoom(FASTER, at),
  s: (axis, at) => axis.zoom(1 / FASTER, at),
  a: (axis) => axis.pan(-STEP),
  d: (axis) => axis.pan(STEP),
  f: (axis) => axis.reset(axis.whole),
};

/** Move and zoom at a moment by the keys W, A, S, D and F; return whether *event* was one of them. */
export function move(axis, at, event) {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey || event.altKey || !(key in MOVES)) return false;
  MOVES[key](axis, at);
  return true;
}
