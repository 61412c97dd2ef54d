// The page of `parsim play`: controls on the left, the run on the right, for one scenario or two.

import { Asking, watch } from "./asking.js";
import { alone, command, copied } from "./copy.js";
import { element, say } from "./dom.js";
import { Editor } from "./editor.js";
import { Figures } from "./figures.js";
import { form } from "./form.js";
import { play as playEn } from "./play.en.js";
import { play as playZh } from "./play.zh.js";
import { Sliders } from "./sliders.js";
import { first, History, inSeat, read, seat, written } from "./state.js";
import { show } from "./view.js";
import { en } from "./words.en.js";
import { zh } from "./words.zh.js";

const REST = 150; // ms without a change
const LETTERS = ["A", "B"];
const WORDS = { en: { ...en, ...playEn }, zh: { ...zh, ...playZh } };

class Page {
  constructor(start, state) {
    this.start = start;
    this.name = crypto.randomUUID();
    this.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    this.answers = [null, null]; // the newest of each seat
    this.shown = [null, null]; // the newest of each seat that could be played
    this.moved = []; // the paths of the control that was moved last
    this.history = new History(state, (now, before) => this.changed(now, before));
    this.asking = LETTERS.map((letter, place) => new Asking(`${this.name}${letter}`, this.hearing(place)));
    watch({ stopped: () => this.stopped(true), there: () => this.stopped(false) });
    document.addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.arrive());
  }

  get state() {
    return this.history.state;
  }

  /** Build all parts in the language of *words*, and fill them with what is known. */
  build(words) {
    this.words = words;
    document.documentElement.lang = words.language;
    document.title = words.title;
    const part = (name) => (this[name] = element("div", { class: `play-${name}` }));
    this.banner = element("p", { class: "play-banner", role: "alert", hidden: !this.isStopped }, words.stopped);
    this.told = element("div", { class: "play-told", role: "status" });
    this.buttons = element("nav", { "aria-label": words.title });
    this.root = element(
      "div",
      { class: "parsim play" },
      element("header", { class: "play-head" }, element("h1", {}, words.title), this.buttons),
      this.banner,
      this.told,
      element(
        "main",
        {},
        element("section", { class: "play-side", "aria-label": words.controlsTitle }, part("tabs"), part("controls")),
        element(
          "section",
          { class: "play-wide", "aria-label": words.timeline },
          part("known"),
          part("cover"),
          part("view"),
          part("figures"),
          element("h2", {}, words.textTitle),
          part("script"),
        ),
      ),
    );
    document.body.replaceChildren(this.root);
    this.menu();
    this.parts(words);
    this.paint();
  }

  parts(words) {
    this.sliders = new Sliders(this.controls, words, {
      change: (values, dragged) => {
        this.moved = Object.keys(values);
        this.set({ values: { ...this.seat.values, ...values } }, dragged);
      },
      slow: (slow, dragged) => this.set({ slow: slow.speed === 1 ? null : slow }, dragged),
      settled: () => this.history.close(),
    });
    this.text = new Editor(this.script, words, (text) => this.set({ ...seat(text) }));
    this.cards = new Figures(this.figures, words, {
      hidden: (change) => this.history.to({ ...this.state, hidden: change(this.state.hidden) }),
      revealed: () => this.covering(),
    });
    this.drawing = null;
  }

  get seat() {
    return this.state.seats[this.state.at];
  }

  set(changes, dragged = false) {
    this.history.to(inSeat(this.state, changes), dragged);
  }

  /** React to a new state: ask for the seats that differ, and keep the address. */
  changed(now, before) {
    now.seats.forEach((one, place) => {
      if (one !== before?.seats[place]) this.asking[place].ask(one);
    });
    if (now.seats.length < 2) this.answers[1] = this.shown[1] = null;
    if (now.at !== before?.at) this.cards.forget();
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

  hearing(place) {
    return {
      answer: (answer, of) => this.heard(place, answer, of),
      refused: (why) => this.tell(say(this.words.refused, { why })),
      stopped: () => this.stopped(true),
    };
  }

  heard(place, answer, of) {
    if (!this.state.seats[place]) return;
    this.answers[place] = answer;
    if (answer.data) {
      this.shown[place] = { ...answer, of, lost: lostForm(this.shown[place], answer, of) };
      this.cards.forget();
    }
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
    const { state, words } = this;
    const answer = this.answers[state.at];
    const shown = this.shown[state.at];
    this.root.classList.toggle("parsim-dark", this.dark);
    this.marking();
    if (answer?.controls) this.sliders.show(answer.controls, shown?.devices, this.seat);
    this.sliders.blame(answer?.faults ?? [], this.moved);
    this.text.show(answer?.text ?? this.seat.text);
    this.text.blame(answer?.faults ?? []);
    this.complain(answer);
    const seats = this.shown.filter(Boolean);
    const letter = state.seats.length > 1 ? `: ${LETTERS[state.at]}` : "";
    if (shown) this.cards.show(shown.figures, state.hidden, letter);
    this.known.replaceChildren(...(shown ? form(shown, letter, words) : [element("p", {}, words.waiting)]));
    this.covering();
    if (seats.length) this.draw(seats.map((one) => one.data));
  }

  complain(answer) {
    if (!answer?.faults && !answer?.failed) return this.tell();
    if (answer.failed) return this.tell(element("p", { class: "play-fault" }, answer.failed));
    const [{ line, message }] = answer.faults;
    const go = element("button", { class: "play-plain", onclick: () => this.text.reveal() }, say(this.words.goTo, { line }));
    this.tell(element("p", { class: "play-fault" }, this.words.wrong, " ", line ? go : null, ` ${message}`));
  }

  draw(data) {
    const { words, dark } = this;
    const same = data.length === this.drawing?.data.length && data.every((one, place) => one === this.drawing.data[place]);
    if (same && this.drawing.dark === dark) return;
    if (this.drawing?.dark === dark) this.drawing.update(...data);
    else this.drawing = show(this.view, data[0], { compare: data[1] ?? null, words, dark, host: this.host() });
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

  covering() {
    const covered = this.cards.waits(this.state.hidden);
    for (const part of [this.view, this.known]) {
      part.inert = covered;
      part.classList.toggle("play-covered", covered);
    }
    this.cover.replaceChildren(...(covered ? [element("p", {}, this.words.covered)] : []));
  }

  /** Return the buttons of the page; `marking` says which can be pressed. */
  menu() {
    const { words, history: past } = this;
    const button = (name, onclick) => element("button", { onclick }, name);
    this.undo = button(words.undo, () => past.move(-1));
    this.redo = button(words.redo, () => past.move(1));
    this.second = button("", () => this.beside());
    this.tab = LETTERS.map((letter, at) => button(say(words.controlsOf, { letter }), () => past.to({ ...this.state, at })));
    this.tabs.replaceChildren(...this.tab);
    this.buttons.replaceChildren(
      this.undo,
      this.redo,
      this.second,
      button(words.copyYaml, () => this.copy(alone(this.played.text))),
      button(words.copyCommand, () => this.copy(command(this.start, this.seat, this.played))),
      button(words.copyLink, async () => this.copy(location.href.replace(/#.*|$/, `#${await written(this.state)}`))),
    );
  }

  /** Return the newest answer to the seat whose controls are shown, or what was asked. */
  get played() {
    return this.answers[this.state.at] ?? this.seat;
  }

  /** Show a second scenario, or close it. */
  beside() {
    const { seats } = this.state;
    const [now, at] = seats.length === 2 ? [seats.slice(0, 1), 0] : [[...seats, seats[0]], 1];
    this.history.to({ ...this.state, seats: now, at });
  }

  marking() {
    const { words, state, history: past } = this;
    const two = state.seats.length === 2;
    this.undo.disabled = !past.can(-1);
    this.redo.disabled = !past.can(1);
    this.second.textContent = two ? say(words.alone, { letter: "B" }) : words.beside;
    this.tabs.hidden = !two;
    this.tab.forEach((one, at) => one.setAttribute("aria-pressed", String(at === state.at)));
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

/** Return the closed form that held before *answer* and does not any more, with the change that ended it. */
function lostForm(before, answer, of) {
  if (answer.forms.length || !before) return null;
  if (!before.forms.length) return before.lost;
  const changed = Object.entries(of.values).filter(([path, value]) => before.of.values[path] !== value);
  const slow = of.slow && of.slow !== before.of.slow ? [`speed = ${of.slow.speed}`] : [];
  return { name: before.forms[0].name, change: [...changed.map(([path, value]) => `${path} = ${value}`), ...slow].join(", ") };
}

async function begin() {
  const start = await (await fetch("start")).json();
  const state = (await read(location.hash.slice(1))) ?? first(start.text);
  const page = new Page(start, state);
  page.build(WORDS[navigator.language.startsWith("zh") ? "zh" : "en"]);
  page.changed(state, null);
}

begin();
