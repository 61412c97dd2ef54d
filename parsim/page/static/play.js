// The page of `parsim play`: controls on the left, the run on the right, for one scenario or two.

import { Answers } from "./answers.js";
import { watch } from "./asking.js";
import { alone, command, copied } from "./copy.js";
import { element, say } from "./dom.js";
import { Editor } from "./editor.js";
import { Figures } from "./figures.js";
import { form } from "./form.js";
import { Menu } from "./menu.js";
import { play as playEn } from "./play.en.js";
import { play as playZh } from "./play.zh.js";
import { Sliders } from "./sliders.js";
import { first, History, inSeat, LETTERS, read, seat, written } from "./state.js";
import { show } from "./view.js";
import { en } from "./words.en.js";
import { zh } from "./words.zh.js";

const REST = 150; // ms without a change
const WORDS = { en: { ...en, ...playEn }, zh: { ...zh, ...playZh } };

class Page {
  constructor(start, state) {
    this.start = start;
    this.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    this.moved = []; // the paths of the control that was moved last
    this.history = new History(state, (now, before) => this.changed(now, before));
    this.answers = new Answers({
      heard: (played) => this.heard(played),
      refused: (why) => this.tell(say(this.words.refused, { why })),
      stopped: () => this.stopped(true),
    });
    watch({ stopped: () => this.stopped(true), there: () => this.stopped(false) });
    document.addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.arrive());
  }

  get state() {
    return this.history.state;
  }

  get seat() {
    return this.state.seats[this.state.at];
  }

  /** Return the newest answer to the seat whose controls are shown, or that seat where none has come. */
  get newest() {
    return this.answers.newest[this.state.at] ?? this.seat;
  }

  /** Build all parts in the language of *words*, and fill them with what is known. */
  build(words) {
    this.words = words;
    document.documentElement.lang = words.language;
    document.title = words.title;
    this.banner = element("p", { class: "play-banner", role: "alert", hidden: !this.isStopped }, words.stopped);
    this.told = element("div", { class: "play-told", role: "status" });
    this.box = boxes("tabs", "controls", "form", "cover", "view", "figures", "editing");
    const bar = element("nav", { "aria-label": words.title });
    this.root = layout(words, this.box, bar, [this.banner, this.told]);
    document.body.replaceChildren(this.root);
    this.menu = new Menu(bar, this.box.tabs, words, this.acts());
    this.fill(words);
    this.paint();
  }

  /** Make what is in the parts. */
  fill(words) {
    const { box } = this;
    this.sliders = new Sliders(box.controls, words, {
      change: (values, dragged) => {
        this.moved = Object.keys(values);
        this.set({ values: { ...this.seat.values, ...values } }, dragged);
      },
      slow: (slow, dragged) => this.set({ slow: slow.speed === 1 ? null : slow }, dragged),
      settled: () => this.history.close(),
    });
    this.editor = new Editor(box.editing, words, (text) => this.set({ ...seat(text) }));
    this.figures = new Figures(box.figures, words, {
      hidden: (change) => this.history.to({ ...this.state, hidden: change(this.state.hidden) }),
      revealed: () => this.cover(),
    });
    this.drawing = null;
  }

  /** Return what the buttons do. */
  acts() {
    const { history: past } = this;
    return {
      undo: () => past.move(-1),
      redo: () => past.move(1),
      beside: () => this.beside(),
      choose: (at) => past.to({ ...this.state, at }),
      yaml: () => this.copy(alone(this.newest.text)),
      command: () => this.copy(command(this.start, this.seat, this.newest)),
      link: async () => this.copy(location.href.replace(/#.*|$/, `#${await written(this.state)}`)),
    };
  }

  set(changes, dragged = false) {
    this.history.to(inSeat(this.state, changes), dragged);
  }

  /** React to a new state: ask for the seats that differ, and keep the address. */
  changed(now, before) {
    this.answers.ask(now.seats);
    if (now.at !== before?.at) this.figures.forget();
    this.paint();
    this.address();
  }

  /** Put the state into the address, once a slider rests: browsers allow a page only so many changes. */
  address() {
    clearTimeout(this.addressing);
    this.addressing = setTimeout(async () => {
      this.letters = await written(this.state);
      history.replaceState(null, "", `#${this.letters}`);
    }, REST);
  }

  /** Take the state of an address that a reader has pasted. */
  async arrive() {
    const letters = location.hash.slice(1);
    const state = letters === this.letters ? null : await read(letters);
    if (state) this.history.to(state);
  }

  /** Show an answer; one that was *played* is another run, of which nothing was guessed yet. */
  heard(played) {
    if (played) this.figures.forget();
    this.paint();
  }

  stopped(is) {
    this.isStopped = is;
    this.banner.hidden = !is;
  }

  tell(...words) {
    this.told.replaceChildren(...words);
  }

  /** Show all that is known. */
  paint() {
    const { state, words, box } = this;
    const answer = this.answers.newest[state.at];
    const played = this.answers.played[state.at];
    this.root.classList.toggle("parsim-dark", this.dark);
    this.menu.show(this.history);
    if (answer?.controls) this.sliders.show(answer.controls, played?.devices, this.seat);
    this.sliders.blame(answer?.faults ?? [], this.moved);
    this.editor.show(answer?.text ?? this.seat.text);
    this.editor.blame(answer?.faults ?? []);
    this.complain(answer);
    const letter = state.seats.length > 1 ? `: ${LETTERS[state.at]}` : "";
    if (played) this.figures.show(played.figures, state.hidden, letter);
    box.form.replaceChildren(...(played ? form(played, letter, words) : [element("p", {}, words.waiting)]));
    this.cover();
    const runs = this.answers.played.filter(Boolean);
    if (runs.length) this.draw(runs.map((one) => one.data));
  }

  complain(answer) {
    if (!answer?.faults && !answer?.failed) return this.tell();
    if (answer.failed) return this.tell(element("p", { class: "play-fault" }, answer.failed));
    const [{ line, message }] = answer.faults;
    const go = element("button", { class: "play-plain", onclick: () => this.editor.reveal() }, say(this.words.goTo, { line }));
    this.tell(element("p", { class: "play-fault" }, this.words.wrong, " ", line ? go : null, ` ${message}`));
  }

  draw(data) {
    const { words, dark } = this;
    const same = data.length === this.drawing?.data.length && data.every((one, place) => one === this.drawing.data[place]);
    if (same && this.drawing.dark === dark) return;
    if (this.drawing?.dark === dark) this.drawing.update(...data);
    else this.drawing = show(this.box.view, data[0], { compare: data[1] ?? null, words, dark, host: this.host() });
    Object.assign(this.drawing, { data, dark });
  }

  /** Return what the buttons of the run for colours and language do: they change the whole page. */
  host() {
    return {
      dark: () => {
        this.dark = !this.dark;
        this.paint();
      },
      language: () => this.build(WORDS[this.words.language === "zh" ? "en" : "zh"]),
    };
  }

  /** Cover the run and its closed form while a figure waits for a guess. */
  cover() {
    const covered = this.figures.waits(this.state.hidden);
    for (const box of [this.box.view, this.box.form]) {
      box.inert = covered;
      box.classList.toggle("play-covered", covered);
    }
    this.box.cover.replaceChildren(...(covered ? [element("p", {}, this.words.covered)] : []));
  }

  /** Show a second scenario, or close it. */
  beside() {
    const { seats } = this.state;
    const [now, at] = seats.length === 2 ? [seats.slice(0, 1), 0] : [[...seats, seats[0]], 1];
    this.history.to({ ...this.state, seats: now, at });
  }

  async copy(text) {
    if (await copied(text)) return this.tell(element("p", {}, this.words.copied));
    this.tell(element("p", {}, this.words.notCopied), element("textarea", { rows: 4, readonly: true }, text));
  }

  key(event) {
    const writing = event.target.matches("textarea, input[type=text]");
    if (writing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    this.history.move(event.shiftKey ? 1 : -1);
  }
}

/** Return an empty element for each of *names*. */
function boxes(...names) {
  return Object.fromEntries(names.map((name) => [name, element("div", { class: `play-${name}` })]));
}

/** Return the page, in which controls are on the left, and the run on the right. */
function layout(words, box, bar, notices) {
  return element(
    "div",
    { class: "parsim play" },
    element("header", { class: "play-head" }, element("h1", {}, words.title), bar),
    notices,
    element(
      "main",
      {},
      element("section", { class: "play-side", "aria-label": words.controlsTitle }, box.tabs, box.controls),
      element(
        "section",
        { class: "play-wide", "aria-label": words.timeline },
        box.form,
        box.cover,
        box.view,
        box.figures,
        element("h2", {}, words.textTitle),
        box.editing,
      ),
    ),
  );
}

async function begin() {
  const start = await (await fetch("start")).json();
  const state = (await read(location.hash.slice(1))) ?? first(start.text);
  const page = new Page(start, state);
  page.build(WORDS[navigator.language.startsWith("zh") ? "zh" : "en"]);
  page.changed(state, null);
}

begin();
