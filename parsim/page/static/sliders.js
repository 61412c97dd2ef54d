// The controls of a scenario: sliders, lists and boxes, made of what the server says about its schema.

import { element, say } from "./dom.js";

const SPEEDS = [0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1];

/** The controls of one scenario under *root*; tells on.change(path values, dragged) and on.slow(slow, dragged). */
export class Sliders {
  constructor(root, words, on) {
    this.root = root;
    this.words = words;
    this.on = on;
    this.rows = new Map();
    this.shape = "";
  }

  /** Show *controls* with the values of *seat*, which may be newer than those of the answer. */
  show(controls, devices, seat) {
    const shape = JSON.stringify([controls.map((one) => [one.path, one.first, one.stops]), devices]);
    if (shape !== this.shape) this.build(controls, devices);
    this.shape = shape;
    for (const control of controls) this.rows.get(control.path).show(seat.values[control.path] ?? control.value);
    this.slow?.show(seat.slow);
  }

  build(controls, devices) {
    this.rows = new Map(controls.map((control) => [control.path, row(control, this.words, this.on)]));
    this.slow = devices?.length > 1 ? slowRow(devices, this.words, this.on) : null;
    const part = (first) => controls.filter((one) => one.first === first).map((one) => this.rows.get(one.path).element);
    const open = this.root.querySelector("details")?.open ?? false;
    const more = part(false);
    this.root.replaceChildren(
      ...part(true),
      ...(this.slow ? [this.slow.element] : []),
      ...(more.length ? [element("details", { open }, element("summary", {}, this.words.more), ...more)] : []),
    );
  }

  /** Say what is wrong beside the control that it is about, or, where it is about a section, beside the one *moved*. */
  blame(faults, moved) {
    const about = (path, fault) => fault.path === path || fault.path.startsWith(`${path}.`);
    for (const [path, { note }] of this.rows) {
      const told = faults.filter((fault) => about(path, fault) || (moved.includes(path) && about(fault.path, { path })));
      note.textContent = told.map((fault) => fault.message).join(" ");
      note.hidden = !told.length;
    }
  }
}

/** Return the words of a value. */
function shown(value) {
  return value === null || value === undefined ? "–" : String(value);
}

/** Return what a reader typed as the scenario would hold it. */
function typed(text) {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  return { true: true, false: false }[trimmed] ?? trimmed;
}

function changes(control, value) {
  return control.also ? { [control.path]: value, [control.also]: value } : { [control.path]: value };
}

function row(control, words, on) {
  const id = `control-${control.path}`;
  const note = element("p", { class: "play-fault", hidden: true, role: "alert" });
  const parts = control.form === "choice" ? choice(control, id, on) : range(control, id, words, on);
  const name = words.controls[control.path] ?? control.path.split(".").at(-1);
  const label = element("label", { for: id, title: control.words }, name, element("small", {}, control.path));
  return { element: element("div", { class: "play-control" }, label, ...parts.elements, note), note, show: parts.show };
}

function choice(control, id, on) {
  const options = control.stops.map((stop, place) =>
    element("option", { value: place, title: control.words_of_stops[place] ?? "" }, shown(stop)),
  );
  const other = element("option", { value: -1, hidden: true });
  const select = element(
    "select",
    { id, onchange: () => select.value >= 0 && on.change(changes(control, control.stops[select.value]), false) },
    other,
    ...options,
  );
  const show = (value) => {
    const place = control.stops.indexOf(value);
    other.textContent = shown(value);
    select.value = place;
    select.title = control.words_of_stops[place] ?? "";
  };
  return { elements: [select], show };
}

function range(control, id, words, on) {
  const { stops } = control;
  const slider = element("input", { type: "range", id, min: 0, max: stops.length - 1, step: 1 });
  const box = element("input", { type: "text", class: "play-value", "aria-label": say(words.valueAt, { path: control.path }) });
  slider.addEventListener("input", () => {
    box.value = shown(stops[slider.value]);
    on.change(changes(control, stops[slider.value]), true);
  });
  slider.addEventListener("change", () => on.settled());
  box.addEventListener("change", () => on.change(changes(control, typed(box.value)), false));
  const show = (value) => {
    const text = shown(value);
    if (document.activeElement !== box) box.value = text;
    slider.value = nearest(stops, value);
    slider.setAttribute("aria-valuetext", text);
  };
  return { elements: [slider, box], show };
}

/** Return the place of *value* among *stops*; of a value between two stops, that of the nearest. */
function nearest(stops, value) {
  const place = stops.map(String).indexOf(String(value));
  if (place >= 0) return place;
  const amount = parseFloat(value);
  if (!Number.isFinite(amount)) return 0;
  const away = stops.map((stop) => Math.abs(parseFloat(stop) - amount));
  return away.indexOf(Math.min(...away));
}

function slowRow(devices, words, on) {
  const select = element("select", { "aria-label": words.slowDevice }, devices.map((name, place) => element("option", { value: place }, name)));
  const slider = element("input", { type: "range", id: "control-slow", min: 0, max: SPEEDS.length - 1, step: 1 });
  const box = element("output", { class: "play-value" });
  const tell = (dragged) => {
    box.textContent = `× ${SPEEDS[slider.value]}`;
    on.slow({ device: Number(select.value), speed: SPEEDS[slider.value] }, dragged);
  };
  slider.addEventListener("input", () => tell(true));
  slider.addEventListener("change", () => on.settled());
  select.addEventListener("change", () => tell(false));
  const label = element("label", { for: "control-slow", title: words.slowHelp }, words.slow, element("small", {}, words.slowSmall));
  const show = (slow) => {
    const speed = slow?.speed ?? 1;
    if (slow) select.value = slow.device;
    slider.value = nearest(SPEEDS, speed);
    slider.setAttribute("aria-valuetext", String(speed));
    box.textContent = `× ${speed}`;
  };
  return { element: element("div", { class: "play-control play-slow" }, label, slider, box, select), show };
}
