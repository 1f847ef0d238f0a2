// Work on pictures beside the page, which goes on answering meanwhile.

import * as errors from "./errors.mjs";

/** A worker for the functions of work.mjs. Where a browser allows none, the page does the work itself. */
export class Background {
  #worker = null;
  #calls = new Map(); // that the worker has not answered, by number
  #count = 0;

  constructor() {
    try {
      this.#worker = new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" });
    } catch {
      return;
    }
    this.#worker.addEventListener("message", ({ data }) => this.#hear(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#doWithout();
    });
  }

  /** What `WORK[name]` gives for `given`, or the error that it throws; `say` is told each step. */
  do(name, given, say = () => {}) {
    const number = ++this.#count;
    return new Promise((resolve, reject) => {
      const call = { name, given, say, resolve, reject };
      if (!this.#worker) return doHere(call);
      this.#calls.set(number, call);
      this.#worker.postMessage({ number, name, given });
    });
  }

  #hear({ number, step, result, error }) {
    const { say, resolve, reject } = this.#calls.get(number);
    if (step) return say(step);
    this.#calls.delete(number);
    if (error) reject(new (errors[error.kind] ?? Error)(error.message));
    else resolve(result);
  }

  #doWithout() {
    this.#worker.terminate();
    this.#worker = null;
    this.#calls.forEach(doHere);
    this.#calls.clear();
  }
}

async function doHere({ name, given, say, resolve, reject }) {
  try {
    const { WORK } = await import("./work.mjs");
    resolve(await WORK[name](given, say));
  } catch (error) {
    reject(error);
  }
}
