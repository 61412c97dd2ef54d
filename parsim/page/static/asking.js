// Asks the server, one request after the other; of several that wait, only the newest is sent.

const PATIENCE = 400; // ms after which a newer request stops the one that is played
const LOOK = 3000; // ms between two looks whether the server is there

/** Asks for one scenario of the page. */
export class Asking {
  /**
   * @param {string} page - a name that no other scenario of any page has
   * @param {object} on - answer(answer, seat), refused(words), stopped(): what to do
   */
  constructor(page, on) {
    this.page = page;
    this.on = on;
    this.count = 0;
    this.answered = 0;
    this.waiting = null;
  }

  /** Ask what to show of *seat*. */
  ask(seat) {
    this.waiting = seat;
    if (this.answered === this.count) this.send();
    else this.later ??= setTimeout(() => this.send(), PATIENCE);
  }

  get busy() {
    return this.answered !== this.count;
  }

  async send() {
    clearTimeout(this.later);
    this.later = null;
    const seat = this.waiting;
    if (seat === null) return;
    this.waiting = null;
    const mine = ++this.count;
    try {
      const found = await fetch("play", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ page: this.page, ...seat }),
      });
      if (mine !== this.count) return; // a newer one is under way
      if (found.ok) this.on.answer(await found.json(), seat);
      else this.on.refused(await found.text());
    } catch {
      if (mine === this.count) this.on.stopped();
    }
    if (mine === this.count) {
      this.answered = mine;
      this.send();
    }
  }
}

/** Look from time to time whether the server is there, and tell *on*: stopped() or there(). */
export function watch(on) {
  setInterval(async () => {
    const found = await fetch("alive").catch(() => null);
    if (found?.ok) on.there();
    else on.stopped(); // a server that knows another token is not the one of this page
  }, LOOK);
}
