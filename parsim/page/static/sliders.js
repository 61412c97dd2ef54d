// The controls of a scenario: sliders, lists and boxes, made of what the server says about its schema.

import { arrange, element, say } from "./dom.js";

const SPEEDS = [0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1];

/** The controls of one scenario under *root*; tells on.change(path values, dragged) and on.slow(slow, dragged). */
export class Sliders {
  constructor(root, words, on) {
    this.root = root;
    this.words = words;
    this.on = on;
    this.rows = new Map();
    this.slow = slowRow(words, on);
    this.more = element("details", {}, element("summary", {}, words.more));
  }

  /** Show *controls* with the values of *seat*, which may be newer than those of the answer. */
  show(controls, devices, seat) {
    this.rows = new Map(controls.map((control) => [control.path, this.row(control)]));
    const part = (first) => controls.filter((one) => one.first === first).map((one) => this.rows.get(one.path).element);
    const more = part(false);
    const slow = devices?.length > 1 ? [this.slow.element] : [];
    arrange(this.root, [...part(true), ...slow, ...(more.length ? [this.more] : [])]);
    arrange(this.more, [this.more.firstChild, ...more]);
    for (const control of controls) this.rows.get(control.path).show(seat.values[control.path] ?? control.value);
    this.slow.show(devices ?? [], seat.slow);
  }

  /** Return the row of a control: the one that is there, which a reader may hold, unless it is to look different. */
  row(control) {
    const looks = JSON.stringify({ ...control, value: null });
    const there = this.rows.get(control.path);
    return there?.looks === looks ? there : { ...row(control, this.words, this.on), looks };
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

function slowRow(words, on) {
  const select = element("select", { "aria-label": words.slowDevice });
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
  const show = (devices, slow) => {
    arrange(
      select,
      devices.map((name, place) => {
        const there = select.children[place];
        return there?.textContent === name ? there : element("option", { value: place }, name);
      }),
    );
    const speed = slow?.speed ?? 1;
    if (slow) select.value = slow.device;
    slider.value = nearest(SPEEDS, speed);
    slider.setAttribute("aria-valuetext", String(speed));
    box.textContent = `× ${speed}`;
  };
  return { element: element("div", { class: "play-control play-slow" }, label, slider, box, select), show };
}
