// The buttons of the page: undo and redo, a second scenario, what can be copied, and whose controls are shown.

import { element, say } from "./dom.js";
import { LETTERS } from "./state.js";

/** Buttons in the element *bar*, and those that choose a seat in *tabs*; *act* has a function for each. */
export class Menu {
  constructor(bar, tabs, words, act) {
    const button = (name, onclick) => element("button", { onclick }, name);
    this.words = words;
    this.tabs = tabs;
    this.undo = button(words.undo, act.undo);
    this.redo = button(words.redo, act.redo);
    this.second = button("", act.beside);
    this.seats = LETTERS.map((letter, at) => button(say(words.controlsOf, { letter }), () => act.choose(at)));
    tabs.replaceChildren(...this.seats);
    const copies = [button(words.copyYaml, act.yaml), button(words.copyCommand, act.command), button(words.copyLink, act.link)];
    bar.replaceChildren(this.undo, this.redo, this.second, ...copies);
  }

  /** Show what can be pressed in the state of *history*. */
  show(history) {
    const { seats, at } = history.state;
    const two = seats.length === 2;
    this.undo.disabled = !history.can(-1);
    this.redo.disabled = !history.can(1);
    this.second.textContent = two ? say(this.words.alone, { letter: LETTERS[1] }) : this.words.beside;
    this.tabs.hidden = !two;
    this.seats.forEach((one, place) => one.setAttribute("aria-pressed", String(place === at)));
  }
}
