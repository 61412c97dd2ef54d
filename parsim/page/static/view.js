// The whole page of one run, or of two on one axis, under one element.

import { Axis } from "./axis.js";
import { barsSeen } from "./bars.js";
import { Chooser } from "./chooser.js";
import { Curves, drawLoad, drawMemory, loadLanes, loadTitle, memoryLanes, memoryTitle, told } from "./curves.js";
import { difference } from "./difference.js";
import { element, say } from "./dom.js";
import { legend } from "./legend.js";
import { seconds } from "./quantities.js";
import { nameOfRuns, saveAs } from "./save.js";
import { devices, keys, notes, scenario } from "./sections.js";
import { Timeline } from "./timeline.js";
import { toolbar } from "./toolbar.js";
import { unpack } from "./unpack.js";
import { waterfall } from "./waterfall.js";
import { en } from "./words.en.js";
import { zh } from "./words.zh.js";

const LETTERS = ["A", "B"];

/**
 * Show a run under *root*.
 *
 * @param {HTMLElement} root - what it is put into; whatever is in it is removed
 * @param {object} data - what parsim.page.data.of returned
 * @param {object} options - `compare`: the data of a second run, on the same axis; `unlike`: in a
 *   sentence, how the work of the two differs, if it does; `words`: a table of words, by
 *   default in the language of the browser; `dark`: true or false, by default as the reader's system has it;
 *   `host`: what buttons do in place of their own action, such as {dark, language} of a page around this one
 * @returns {{update: Function, timeline: Timeline, ready: Promise}} `update(data, compare)` shows other data in
 *   place of these, and the time that is seen stays where the run is as long; `ready` ends when the first is drawn
 */
export function show(root, data, { compare = null, unlike = "", words = null, dark = null, host = {} } = {}) {
  const own = words ?? (navigator.language.startsWith("zh") ? zh : en);
  const view = new View(root, own, dark ?? matchMedia("(prefers-color-scheme: dark)").matches, host);
  view.unlike = unlike;
  const ready = view.update(data, compare);
  return { update: (...given) => view.update(...given), timeline: view.timeline, ready };
}

/** The parts of a page, and what fills them. */
class View {
  constructor(root, words, dark, host) {
    this.root = root;
    this.dark = dark;
    this.host = host;
    this.unlike = "";
    this.axis = new Axis(1);
    this.part = {};
    this.build(words);
    this.timeline = new Timeline(this.part.lanes, this.axis);
    this.memory = new Curves(this.part.memory, this.timeline, drawMemory);
    this.load = new Curves(this.part.load, this.timeline, drawLoad);
    this.chooser = new Chooser(this);
    for (const curves of [this.memory, this.load]) this.tellUnderMouse(curves);
  }

  /** Make the parts, with their names from a table of words. */
  build(words) {
    const { part } = this;
    this.words = words;
    const box = (key, attributes = {}) => (part[key] = element("div", attributes));
    const section = (key, title) => element("section", { "aria-label": title }, element("h2", {}, title), box(key));
    this.tools = toolbar(words, { ...this.actions(), ...this.host });
    part.seen = element("div");
    part.whole = element(
      "div",
      { class: "parsim", lang: words.language },
      (part.head = element("header")),
      this.tools.made,
      element(
        "section",
        { "aria-label": words.timeline },
        (part.lanes ??= element("div")),
        (part.memory ??= element("div", { class: "parsim-curves" })),
        (part.load ??= element("div", { class: "parsim-curves" })),
        box("legend", { class: "parsim-legend" }),
      ),
      box("details", {
        class: "parsim-details",
        "aria-live": "polite",
        tabindex: 0,
        role: "region",
        "aria-label": words.chosen,
      }),
      element(
        "details",
        { ontoggle: (event) => event.target.open && part.seen.replaceChildren(...barsSeen(this)) },
        element("summary", {}, words.barsSeen),
        part.seen,
      ),
      (part.keys = element("details", {}, element("summary", {}, words.keysTitle), keys(words))),
      (part.difference = section("differs", words.difference)),
      section("ledger", words.ledger),
      section("devices", words.devices),
      section("scenario", words.scenario),
      section("notes", words.warnings),
      box("tip", { class: "parsim-tip", role: "status", hidden: true }),
    );
    this.root.replaceChildren(part.whole);
  }

  /** Return what the buttons do. */
  actions() {
    const save = (form) => () => saveAs(this, form);
    return {
      search: (text) => this.chooser.search(text),
      next: () => this.chooser.found(1),
      previous: () => this.chooser.found(-1),
      leave: () => this.timeline.canvas.focus(),
      closer: () => this.axis.zoom(1.5, this.chooser.middle()),
      farther: () => this.axis.zoom(1 / 1.5, this.chooser.middle()),
      fit: () => this.axis.reset(this.axis.whole),
      path: () => this.chooser.togglePath(),
      back: () => this.chooser.onPath(-1),
      forth: () => this.chooser.onPath(1),
      gap: () => this.chooser.gap(),
      range: () => this.chooser.takeRange(),
      png: save("png"),
      svg: save("svg"),
      yaml: save("yaml"),
      dark: () => this.darken(!this.dark),
      language: () => this.translate(),
      help: () => this.help(),
    };
  }

  help() {
    this.part.keys.open = true;
    this.part.keys.scrollIntoView({ block: "nearest" });
  }

  /** Show other runs. */
  async update(data, compare = null) {
    const order = (this.order = Symbol("update"));
    const runs = await Promise.all([data, compare].filter(Boolean).map(unpack));
    if (order !== this.order) return; // a later update has begun
    runs.forEach((run, place) => (run.letter = LETTERS[place]));
    const whole = Math.max(...runs.map((run) => run.makespan));
    if (!this.runs || whole !== this.axis.whole) this.axis.reset(whole);
    this.runs = runs;
    this.fill();
  }

  /** Show it in dark or light colours. */
  darken(dark) {
    this.dark = dark;
    this.fill();
  }

  /** Show it in the other language. */
  translate() {
    this.build(this.words === zh ? en : zh);
    this.fill();
  }

  name() {
    return nameOfRuns(this.runs);
  }

  fill() {
    const { runs, words, part, dark } = this;
    part.whole.classList.toggle("parsim-dark", dark);
    this.timeline.load(runs, words, dark);
    this.chooser.restart();
    const lanesOf = (made) =>
      runs.flatMap((run) => made(run).map((lane) => ({ ...lane, name: this.lettered(run, lane.name) })));
    const [memory, load] = [memoryLanes, loadLanes].map(lanesOf);
    this.memory.load(memory, memoryTitle(runs, words));
    this.load.load(load, loadTitle(runs, words));
    part.legend.replaceChildren(...legend(runs, words, dark));
    part.head.replaceChildren(...runs.map((run) => this.title(run)));
    for (const [key, made] of [
      ["ledger", waterfall],
      ["devices", devices],
      ["scenario", scenario],
      ["notes", notes],
    ]) {
      part[key].replaceChildren(
        ...runs.flatMap((run) => [this.letter(run), made(run, words, runs)].flat()).filter(Boolean),
      );
    }
    part.difference.hidden = runs.length < 2;
    if (runs.length > 1) part.differs.replaceChildren(...difference(runs, words, this.unlike));
    this.timeline.canvas.setAttribute("aria-label", say(words.timelineHelp, { lanes: this.timeline.rows.length }));
  }

  /** Return a name, with the letter of its run where there are two. */
  lettered(run, name) {
    return this.runs.length > 1 ? `${run.letter}: ${name}` : name;
  }

  letter(run) {
    return this.runs.length > 1 ? element("h3", {}, this.lettered(run, run.facts.scenario)) : null;
  }

  title(run) {
    const { scenario: name, clock, makespan_s, workers, tasks, seed, theory } = run.facts;
    const title = `${this.lettered(run, name)}: ${seconds(makespan_s)} ${this.words.clocks[clock] ?? clock}`;
    const more = say(this.words.facts, { workers, tasks, seed, theory: seconds(theory.t_total_s) });
    return element("div", {}, element("h1", {}, title), element("p", {}, more));
  }

  /** Tell at the mouse what a curve shows there. */
  tellUnderMouse(curves) {
    const tell = (event) => {
      const lane = curves.at(event.offsetY);
      const moment = this.timeline.moment(event.offsetX);
      const text = lane && event.offsetX >= this.timeline.gutter ? told(lane, moment, this.words) : "";
      this.tip(text ? [element("p", {}, `${seconds(moment, 5)}: ${text}`)] : [], event);
    };
    curves.canvas.addEventListener("pointermove", tell);
    curves.canvas.addEventListener("pointerleave", (event) => this.tip([], event));
  }

  /** Show *lines* at the mouse, or nothing. */
  tip(lines, event) {
    const { tip } = this.part;
    tip.hidden = !lines.length;
    tip.replaceChildren(...lines);
    if (!lines.length) return;
    const [wide, tall] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
    tip.style.left = `${Math.max(Math.min(event.clientX + 14, wide - tip.offsetWidth - 6), 6)}px`;
    const low = event.clientY + 18;
    tip.style.top = `${low + tip.offsetHeight > tall ? Math.max(event.clientY - tip.offsetHeight - 10, 4) : low}px`;
  }
}
