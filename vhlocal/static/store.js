// What is known of the run at this moment, from its stream; views draw what is here.

import { stream } from './stream.js';

const KEPT_TICKS = 600;

/** What names a replica. */
export const keyOf = (at) => `${at.version}\n${at.endpoint}\n${at.replica}`;

class Store {
  #listeners = new Set();
  #due = false;
  #statuses = new Map();

  /** All that `/api/endpoints` says, null before it is known. */
  run = null;
  /** Versions, the working tree's first; statuses of replicas; what was found; notices. */
  versions = [];
  endpoints = [];
  findings = [];
  notices = [];
  /** The last ticks of each replica by `keyOf`, oldest first, with their `time`; they come while somebody follows them. */
  ticks = new Map();
  /** When the last tick was, in epoch seconds by the run's clock. */
  time = 0;

  constructor() {
    stream.on('hello', (said) => this.#begin(said));
    stream.on('status', ({ status }) => { this.#statuses.set(keyOf(status), status); this.#list(); });
    stream.on('gone', (at) => { this.#statuses.delete(keyOf(at)); this.ticks.delete(keyOf(at)); this.#list(); });
    stream.on('notice', ({ notice }) => { this.notices = [...this.notices, notice]; this.changed(); });
    stream.on('finding', ({ findings }) => { this.findings = findings; this.changed(); });
    stream.on('aliases', ({ versions }) => { this.versions = versions; this.changed(); });
  }

  /** Call a function after changes, at most once for each frame; returns what ends that. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keep ticks, as long as what is returned has not been called. */
  followTicks() {
    return stream.on('ticks', (said) => this.#tick(said));
  }

  changed() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      for (const listener of [...this.#listeners]) listener(this);
    });
  }

  #begin(said) {
    if (this.run && this.run.run !== said.run) this.ticks.clear();
    this.run = said;
    this.versions = said.versions;
    this.findings = said.findings;
    this.notices = said.notices;
    this.#statuses = new Map(said.endpoints.map((status) => [keyOf(status), status]));
    this.#list();
  }

  #list() {
    this.endpoints = [...this.#statuses.values()];
    this.changed();
  }

  #tick({ time, endpoints }) {
    this.time = time;
    for (const one of endpoints) {
      const past = this.ticks.get(keyOf(one)) ?? [];
      past.push({ time, ...one });
      if (past.length > KEPT_TICKS) past.shift();
      this.ticks.set(keyOf(one), past);
    }
    this.changed();
  }
}

export const store = new Store();
