// What the server answered to the seats: the newest answer to each, and the newest that could be played.

import { Asking } from "./asking.js";
import { LETTERS } from "./state.js";

/** Asks for seats; *on* has heard(played), refused(why) and stopped(). */
export class Answers {
  constructor(on) {
    const page = crypto.randomUUID();
    this.on = on;
    this.asked = [null, null]; // seats
    this.newest = [null, null];
    this.played = [null, null];
    this.asking = LETTERS.map((letter, place) => {
      const answer = (given, seat) => this.heard(place, given, seat);
      return new Asking(`${page}${letter}`, { answer, refused: on.refused, stopped: on.stopped });
    });
  }

  /** Ask for those *seats* that have changed, and forget a second one that was closed. */
  ask(seats) {
    seats.forEach((seat, place) => {
      if (seat === this.asked[place]) return;
      this.asked[place] = seat;
      this.asking[place].ask(seat);
    });
    if (seats.length < 2) this.asked[1] = this.newest[1] = this.played[1] = null;
  }

  heard(place, answer, seat) {
    if (!this.asked[place]) return;
    this.newest[place] = answer;
    if (answer.data) this.played[place] = { ...answer, seat, lost: lostForm(this.played[place], answer, seat) };
    this.on.heard(Boolean(answer.data));
  }
}

/** Return the closed form that held before *answer* and does not any more, with the change that ended it. */
function lostForm(before, answer, seat) {
  if (answer.forms.length || !before) return null;
  if (!before.forms.length) return before.lost;
  const changed = Object.entries(seat.values).filter(([path, value]) => before.seat.values[path] !== value);
  const slow = seat.slow && seat.slow !== before.seat.slow ? [`speed = ${seat.slow.speed}`] : [];
  return { name: before.forms[0].name, change: [...changed.map(([path, value]) => `${path} = ${value}`), ...slow].join(", ") };
}
