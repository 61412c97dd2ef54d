// The text of the scenario with the numbers of its lines, and what is wrong beside the line where it is.

import { element, say } from "./dom.js";

const GAP = 4; // pixels between two messages
const TYPED = 400; // ms without a key, after which the text is played

/** The text under *root*; tells *on* what a reader has written. */
export class Editor {
  constructor(root, words, on) {
    this.words = words;
    this.numbers = element("div", { class: "play-numbers", "aria-hidden": "true" });
    this.faults = element("div", { class: "play-faults", role: "alert" });
    this.area = element("textarea", {
      class: "play-text",
      "aria-label": words.text,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      wrap: "off",
    });
    this.area.addEventListener("input", () => {
      this.measure();
      this.faults.replaceChildren();
      clearTimeout(this.later);
      this.later = setTimeout(() => on(this.area.value), TYPED);
    });
    root.append(element("div", { class: "play-editor" }, this.numbers, this.area, this.faults));
  }

  /** Show *text*, unless somebody is writing. */
  show(text) {
    const writing = document.activeElement === this.area;
    if (!writing && this.area.value !== text) this.area.value = text;
    this.measure();
  }

  measure() {
    const count = this.area.value.split("\n").length;
    this.area.rows = count + 1; // room for a scroll bar
    if (this.numbers.childElementCount === count) return;
    this.numbers.replaceChildren(...Array.from({ length: count }, (_, line) => element("span", {}, String(line + 1))));
  }

  /** Show *faults* beside their lines, each below the one before where they would overlap. */
  blame(faults) {
    const lines = [...this.numbers.children];
    for (const number of lines) number.classList.remove("play-wrong");
    const told = faults.map((fault) => {
      const place = fault.line ? `${say(this.words.place, fault)} ` : "";
      return element("p", { class: "play-fault" }, `${place}${fault.path}: ${fault.message}`);
    });
    this.faults.replaceChildren(...told);
    let bottom = 0;
    faults.forEach((fault, which) => {
      const number = fault.line ? lines[Math.min(fault.line, lines.length) - 1] : null;
      number?.classList.add("play-wrong");
      const top = Math.max(number?.offsetTop ?? 0, bottom);
      told[which].style.top = `${top}px`;
      bottom = top + told[which].offsetHeight + GAP;
    });
    this.faults.style.minHeight = `${bottom}px`;
  }

  /** Bring the line of the first of *faults* into sight. */
  reveal() {
    this.numbers.querySelector(".play-wrong")?.scrollIntoView({ block: "center" });
  }
}
