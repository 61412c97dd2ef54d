// Elements of the page. All text is text: what looks like a tag in a name stays letters.

/** Return an element with attributes and children; a child that is text becomes text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Make *children* all that *root* has, in this order; one that is there stays as it is, with the focus. */
export function arrange(root, children) {
  const wanted = new Set(children);
  for (const child of [...root.childNodes]) if (!wanted.has(child)) child.remove();
  children.forEach((child, place) => {
    if (root.childNodes[place] !== child) root.insertBefore(child, root.childNodes[place] ?? null);
  });
}

/** Fill the places of a sentence: say("waited for {name}", {name: "0F0"}). */
export function say(sentence, values = {}) {
  return sentence.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** Return a table with a head; columns after the first *left* ones are numbers. */
export function table(caption, head, rows, left = 1) {
  const cells = (tag, row) =>
    row.map((cell, column) => {
      const name = tag === "td" && column === 0 ? "th" : tag;
      const scope = name === "th" ? (tag === "th" ? "col" : "row") : undefined;
      return element(name, { scope, class: column >= left ? "parsim-number" : undefined }, cell);
    });
  return element(
    "div",
    { class: "parsim-scroll", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", { class: "parsim-unseen" }, caption),
      element("thead", {}, element("tr", {}, cells("th", head))),
      element(
        "tbody",
        {},
        rows.map((row) => element("tr", {}, cells("td", row))),
      ),
    ),
  );
}
