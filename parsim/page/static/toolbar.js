// The buttons and the search above a timeline.

import { element, say } from "./dom.js";

/** Return the toolbar; *act* has a function for each button, and `search(text)`, which returns how many it found. */
export function toolbar(words, act) {
  const count = element("output", { class: "parsim-count", "aria-live": "polite" });
  const button = (key, name, more = {}) =>
    element(
      "button",
      { type: "button", title: words.hints[key], onclick: act[key], ...more },
      name ?? words.buttons[key],
    );
  const field = element("input", {
    type: "search",
    placeholder: words.search,
    "aria-label": words.search,
    oninput: () => (count.textContent = told(act.search(field.value))),
    onkeydown: (event) => {
      if (event.key === "Enter") (event.shiftKey ? act.previous : act.next)();
      if (event.key === "Escape") act.leave();
    },
  });
  const told = (found) => (found === null ? "" : say(words.found, { count: found }));
  const path = button("path", undefined, { "aria-pressed": "false" });
  const made = element(
    "div",
    { class: "parsim-tools", role: "toolbar", "aria-label": words.tools },
    group(field, button("previous", "◀"), button("next", "▶"), count),
    group(button("closer", "+"), button("farther", "−"), button("fit")),
    group(path, button("back", "◀"), button("forth", "▶")),
    group(button("gap"), button("range")),
    group(button("png", "PNG"), button("svg", "SVG"), button("yaml", "YAML")),
    group(button("dark"), button("language"), button("help", "?")),
  );
  return {
    made,
    focus: () => field.focus(),
    pressed: (on) => path.setAttribute("aria-pressed", String(on)),
    at: (place, found) => (count.textContent = say(words.foundAt, { place, count: found })),
  };
}

function group(...children) {
  return element("span", { class: "parsim-group" }, children);
}
