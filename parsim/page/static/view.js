// The whole page of one run, or of two on one axis, under one element.

import { Axis } from "./axis.js";
import { Curves, drawLoad, drawMemory, loadLanes, memoryLanes, memoryTitle } from "./curves.js";
import { details } from "./details.js";
import { element, say } from "./dom.js";
import { listen, move } from "./input.js";
import { seconds } from "./quantities.js";
import { devices, notes, scenario } from "./sections.js";
import { Timeline } from "./timeline.js";
import { unpack } from "./unpack.js";
import { waterfall } from "./waterfall.js";
import { en } from "./words.en.js";

const LETTERS = ["A", "B"];

/**
 * Show a run under *root*.
 *
 * @param {HTMLElement} root - what it is put into; whatever is in it is removed
 * @param {object} data - what parsim.page.data.of returned
 * @param {object} options - `compare`: the data of a second run, on the same axis; `words`: a table of words, by
 *   default the English ones; `dark`: true or false, by default as the reader's system has it
 * @returns {{update: function(object, object=): Promise, timeline: Timeline, ready: Promise}} `update` shows other data in place
 *   of these, and keeps what is seen of the time where the new run is as long; `ready` ends when the first is drawn
 */
export function show(root, data, { compare = null, words = en, dark = null } = {}) {
  const view = new View(root, words, dark);
  const ready = view.update(data, compare);
  return { update: (...given) => view.update(...given), timeline: view.timeline, ready, view };
}

class View {
  constructor(root, words, dark) {
    this.words = words;
    this.axis = new Axis(1);
    this.dark = dark ?? matchMedia("(prefers-color-scheme: dark)").matches;
    this.root = root;
    this.part = {};
    this.build();
    this.timeline = new Timeline(this.part.lanes, this.axis, words);
    this.memory = new Curves(this.part.memory, this.timeline, drawMemory);
    this.load = new Curves(this.part.load, this.timeline, drawLoad);
    this.listen();
  }

  build() {
    const { words } = this;
    const section = (key, title) => {
      this.part[key] = element("div");
      return element("section", { "aria-label": title }, element("h2", {}, title), this.part[key]);
    };
    this.part.head = element("header");
    this.part.lanes = element("div");
    this.part.details = element("div", { class: "parsim-details", "aria-live": "polite" });
    this.part.tip = element("div", { class: "parsim-tip", role: "status", hidden: true });
    this.root.replaceChildren(
      element(
        "div",
        { class: "parsim", lang: words.language },
        this.part.head,
        element(
          "section",
          { "aria-label": words.timeline },
          this.part.lanes,
          ...["memory", "load"].map((key) => (this.part[key] = element("div", { class: "parsim-curves" }))),
        ),
        this.part.details,
        section("ledger", words.ledger),
        section("devices", words.devices),
        section("scenario", words.scenario),
        section("notes", words.warnings),
        this.part.tip,
      ),
    );
  }

  listen() {
    const { timeline } = this;
    listen(timeline, {
      hover: (one, event) => this.hover(one, event),
      choose: (one) => this.choose(one),
    });
    timeline.canvas.addEventListener("keydown", (event) => {
      if (move(this.axis, event)) event.preventDefault();
    });
  }

  /** Show other runs. */
  async update(data, compare = null) {
    const runs = await Promise.all([data, compare].filter(Boolean).map(unpack));
    runs.forEach((run, place) => (run.letter = LETTERS[place]));
    const whole = Math.max(...runs.map((run) => run.makespan));
    if (!this.runs || whole !== this.axis.whole) this.axis.reset(whole);
    this.runs = runs;
    this.fill();
  }

  fill() {
    const { runs, words, part, dark } = this;
    this.root.firstChild.classList.toggle("parsim-dark", dark);
    this.timeline.load(runs, dark);
    this.choose(null);
    const memory = runs.flatMap((run) => memoryLanes(run));
    this.memory.load(memory, memory.length ? memoryTitle(runs, words) : words.noMemory);
    const load = runs.flatMap(loadLanes);
    this.load.load(load, load.length ? words.load : words.noLoad);
    part.head.replaceChildren(...runs.map((run) => this.title(run)));
    for (const [key, made] of [["ledger", waterfall], ["devices", devices], ["scenario", scenario], ["notes", notes]]) {
      part[key].replaceChildren(...runs.flatMap((run) => [this.letter(run), made(run, words)].flat()).filter(Boolean));
    }
    this.timeline.canvas.setAttribute("aria-label", say(words.timelineHelp, { lanes: this.timeline.rows.length }));
  }

  letter(run) {
    return this.runs.length > 1 ? element("h3", {}, `${run.letter}: ${run.facts.scenario}`) : null;
  }

  title(run) {
    const { scenario: name, clock, makespan_s, workers, tasks, seed, theory } = run.facts;
    const title = `${this.runs.length > 1 ? `${run.letter}: ` : ""}${name}: ${seconds(makespan_s)} ${clock}`;
    const more = say(this.words.facts, { workers, tasks, seed, theory: seconds(theory.t_total_s) });
    return element("div", {}, element("h1", {}, title), element("p", {}, more));
  }

  /** Tell of what is under the mouse. */
  hover(one, event) {
    const { tip } = this.part;
    tip.hidden = !one;
    if (!one) return;
    tip.replaceChildren(...details(one, this.words, () => {}).filter(Boolean).slice(0, 3));
    const wide = document.documentElement.clientWidth;
    tip.style.left = `${Math.min(event.clientX + 14, wide - Math.min(tip.offsetWidth, wide) - 6)}px`;
    tip.style.top = `${event.clientY + 18}px`;
  }

  /** Choose a bar or a gap, or nothing. */
  choose(one) {
    this.timeline.selected = one;
    const jump = (run, bar) => this.goto({ run, bar });
    const told = one ? details(one, this.words, jump) : [element("p", {}, this.words.nothingChosen)];
    this.part.details.replaceChildren(...told.filter(Boolean));
    this.timeline.later();
  }

  /** Choose a bar or a gap, and bring it into sight. */
  goto(one) {
    const bars = one.gap === undefined ? one.run.bars : one.run.gaps;
    const number = one.gap ?? one.bar;
    this.axis.reveal(bars.start[number], bars.end[number]);
    this.timeline.scrollTo(one);
    this.choose(one);
  }
}
