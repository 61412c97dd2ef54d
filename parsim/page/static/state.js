// What the page shows: one scenario or two, and which figures are hidden. It is undone, and kept in the address.
//
//   {seats: [{text, values, slow}, ...], at: 0, hidden: ["makespan_s"]}      at: the seat whose controls are shown

export const LETTERS = ["A", "B"]; // of the seats
const LONGEST = 1 << 20; // characters of a state in an address
const MOST = 200; // steps that can be undone

/** Return the state with one scenario. */
export function first(text) {
  return { seats: [seat(text)], at: 0, hidden: [] };
}

/** Return a scenario whose controls were not moved. */
export function seat(text) {
  return { text, values: {}, slow: null };
}

/** Return *state* with *changes* to the seat whose controls are shown. */
export function inSeat(state, changes) {
  return { ...state, seats: state.seats.map((one, place) => (place === state.at ? { ...one, ...changes } : one)) };
}

/** The states so far; tells *listener* of each new one, with the one before. */
export class History {
  constructor(state, listener) {
    this.states = [state];
    this.place = 0;
    this.listener = listener;
    this.open = false; // whether the newest step goes on, as while a slider is dragged
  }

  get state() {
    return this.states[this.place];
  }

  /** Go to *state*; while a slider is *dragged*, all its states are one step. */
  to(state, dragged = false) {
    const before = this.state;
    const kept = this.open ? this.place : this.place + 1;
    this.states = [...this.states.slice(0, kept), state].slice(-MOST);
    this.place = this.states.length - 1;
    this.open = dragged;
    this.listener(state, before);
  }

  /** End a step that a slider has begun. */
  close() {
    this.open = false;
  }

  /** Return whether there is a state to go to by *step*, -1 back or 1 forth. */
  can(step) {
    return this.states[this.place + step] !== undefined;
  }

  /** Go back (-1), or forth again (1). */
  move(step) {
    if (!this.can(step)) return;
    const before = this.state;
    this.place += step;
    this.open = false;
    this.listener(this.state, before);
  }
}

/** Return *state* as letters that an address may hold. */
export async function written(state) {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(state)), new CompressionStream("deflate-raw"));
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Return the state that *letters* hold, or null where they hold none. */
export async function read(letters) {
  try {
    const binary = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    return checked(JSON.parse(new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw")))));
  } catch {
    return null;
  }
}

async function through(bytes, stream) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let count = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    count += part.value.length;
    if (count > LONGEST) throw new RangeError("a state is not that long");
    parts.push(part.value);
  }
  const found = new Uint8Array(count);
  let at = 0;
  for (const part of parts) {
    found.set(part, at);
    at += part.length;
  }
  return found;
}

/** Return *state* if it is one, else null. */
function checked(state) {
  const isSeat = (one) =>
    typeof one?.text === "string" &&
    isMapping(one.values) &&
    (one.slow === null || (Number.isInteger(one.slow?.device) && Number.isFinite(one.slow?.speed)));
  const isState =
    Array.isArray(state?.seats) &&
    (state.seats.length === 1 || state.seats.length === 2) &&
    state.seats.every(isSeat) &&
    (state.at === 0 || state.at === state.seats.length - 1) &&
    Array.isArray(state.hidden) &&
    state.hidden.every((key) => typeof key === "string");
  return isState ? state : null;
}

function isMapping(held) {
  return typeof held === "object" && held !== null && !Array.isArray(held);
}
