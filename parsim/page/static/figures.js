// The figures of a run in cards, each of which can be hidden, guessed and revealed.

import { element } from "./dom.js";
import { Card } from "./predict.js";

const APART = ["t_total_s", "peak_memory_bytes"]; // all other figures follow from the makespan and each other

/** The cards under *root*; *on* has hidden(change), which changes the keys of hidden figures, and revealed(). */
export class Figures {
  constructor(root, words, on) {
    this.list = element("ul", { class: "play-cards" });
    this.cards = new Map();
    this.revealed = new Map(); // key -> {guess}, of this run alone
    this.words = words;
    this.on = on;
    this.acts = {
      hide: (key) => this.hide((keys) => [...keys, key], key),
      show: (key) => this.hide((keys) => keys.filter((one) => one !== key), key),
      revealed: (key, guess) => this.reveal(key, guess),
    };
    this.title = element("h2");
    root.append(this.title, this.list);
  }

  /** Show the *figures* of the scenario *letter*; those of *hidden* wait for a guess. */
  show(figures, hidden, letter) {
    this.title.textContent = `${this.words.figuresTitle}${letter}`;
    Object.assign(this, { figures, hidden });
    const keys = figures.map((figure) => figure.key);
    if (keys.join() !== [...this.cards.keys()].join()) {
      this.cards = new Map(keys.map((key) => [key, new Card(this.words, this.acts)]));
      this.list.replaceChildren(...[...this.cards.values()].map((card) => card.element));
    }
    this.fill();
  }

  /** Fill all cards: those from which a reader could compute what still waits for a guess are covered. */
  fill() {
    const waiting = this.figures.filter(({ key }) => this.hidden.includes(key) && !this.revealed.has(key));
    for (const figure of this.figures) {
      const { key } = figure;
      const asked = waiting.filter((other) => !this.revealed.has(key) && gives(key, other.key));
      const state = { hidden: this.hidden.includes(key), revealed: this.revealed.get(key) ?? null, covered: asked };
      this.cards.get(key).show(figure, this.figures, state);
    }
  }

  hide(change, key) {
    this.revealed.delete(key);
    this.on.hidden(change);
    this.focus(key);
  }

  reveal(key, guess) {
    this.revealed.set(key, guess);
    this.fill();
    this.on.revealed();
    this.focus(key);
  }

  /** Let the keyboard go on in the card that has changed. */
  focus(key) {
    this.cards.get(key).element.querySelector("input, button").focus();
  }

  /** Forget the guesses, as the run is another one. */
  forget() {
    this.revealed.clear();
  }

  /** Return whether one of *hidden* waits for a guess. */
  waits(hidden) {
    return hidden.some((key) => this.cards.has(key) && !this.revealed.has(key));
  }
}

/** Return whether the figure *key* helps to compute *wanted*. */
function gives(key, wanted) {
  return key !== wanted && !APART.includes(key) && wanted !== "peak_memory_bytes";
}
