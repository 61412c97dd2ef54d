// The parts of a page below the timeline: devices, scenario, notes.

import { element, say, table } from "./dom.js";
import { percent, seconds, size } from "./quantities.js";

const MOST = 200; // devices in the table
const LINES = 2000; // of the scenario

/** Return the table of devices of a run. */
export function devices(run, words) {
  const head = [words.device, words.compute, words.transfer, words.idle, words.peak, words.utilisation];
  const rows = run.facts.devices
    .slice(0, MOST)
    .map((device) => [
      device.stands_for > 1 ? `${device.name} (${say(words.standsFor, { count: device.stands_for })})` : device.name,
      seconds(device.compute_s),
      seconds(device.transfer_s),
      seconds(device.idle_s),
      device.memory?.capacity_bytes
        ? `${size(device.peak_memory_bytes)} / ${size(device.memory.capacity_bytes)}`
        : size(device.peak_memory_bytes),
      percent(device.utilisation),
    ]);
  const more = run.facts.devices.length - rows.length;
  return [table(words.devices, head, rows), more > 0 ? element("p", {}, say(words.others, { count: more })) : null];
}

/** Return the lines of the scenario of a run with their numbers; of a very long one, the first. */
export function scenario(run, words) {
  const lines = run.text[0].replace(/\n$/, "").split("\n");
  const more = lines.length - LINES;
  return [
    run.own ? null : element("p", {}, words.asRead),
    element(
      "ol",
      { class: "parsim-scenario", tabindex: 0, "aria-label": run.scenario },
      lines.slice(0, LINES).map((line) => element("li", {}, element("code", {}, line))),
    ),
    more > 0 ? element("p", {}, say(words.others, { count: more })) : null,
  ];
}

/** Return the notes of a run. */
export function notes(run, words) {
  if (!run.notes.length) return element("p", {}, words.noWarnings);
  return element(
    "ul",
    {},
    run.notes.map((note) => element("li", {}, note)),
  );
}

/** Return the keys of the timeline and what they do. */
export function keys(words) {
  return element(
    "dl",
    { class: "parsim-keys" },
    words.keys.flatMap(([key, meaning]) => [element("dt", {}, key), element("dd", {}, meaning)]),
  );
}
