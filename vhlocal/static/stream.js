// The stream of a run's events: one for the page, of the kinds that something on it listens to.

import { ask } from './api.js';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;
// The run says something each five seconds, if only that it is there.
const SILENCE = 15000;
// A tab that nobody sees holds no connection: a browser has six of them for a host, and opens no further page without one.
const UNSEEN = 5000;

const KINDS = new Set(['status', 'logs', 'requests', 'reloads', 'metrics', 'ticks']);

class Stream {
  #listeners = new Map();
  #states = new Set();
  #opened = '';
  #reading = null;
  #lastId = null;
  #pause = FIRST_PAUSE;
  #timer = null;
  #unseen = null;
  #ended = null;

  /** `connecting`, `live`, `lost`, `ended` (by a word of the run), `refused` (the key is another run's) or `paused`. */
  state = 'connecting';
  /** Whether the run can be asked for something. */
  get isLive() {
    return this.state === 'live';
  }

  /** Why the run has ended, where it has said so. */
  reason = '';

  /**
   * Hear of messages of one event: the stream is opened with its kind as long as somebody listens. Returns what ends that.
   * Events of the kind `status` are `hello`, `status`, `gone`, `notice`, `finding` and `aliases`; all others are their kind.
   */
  on(event, listener) {
    const heard = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, heard.add(listener));
    this.#soon();
    return () => { heard.delete(listener); this.#soon(); };
  }

  /** Hear of changes of `state`. */
  onState(listener) {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  }

  /** Begin. */
  start() {
    document.addEventListener('visibilitychange', () => this.#seen(!document.hidden));
    if (document.hidden) this.#is('paused');
    else this.#open();
  }

  /** Try again at once. */
  retry() {
    this.#pause = FIRST_PAUSE;
    this.#open();
  }

  #kinds() {
    const wanted = ['status'];
    for (const [event, heard] of this.#listeners) if (heard.size && KINDS.has(event) && event !== 'status') wanted.push(event);
    return wanted.sort().join(',');
  }

  #soon() {
    if (this.#reading === null || this.#opened === this.#kinds()) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { if (this.#opened !== this.#kinds()) this.#open(); }, 20);
  }

  #seen(visible) {
    clearTimeout(this.#unseen);
    if (!visible) this.#unseen = setTimeout(() => { this.#close(); this.#is('paused'); }, UNSEEN);
    else if (this.state === 'paused') this.retry();
  }

  #is(state) {
    if (this.state === state) return;
    this.state = state;
    for (const listener of [...this.#states]) listener(state);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    this.#reading = null;
  }

  async #open() {
    this.#close();
    const reading = new AbortController();
    this.#reading = reading;
    this.#opened = this.#kinds();
    let state = 'lost';
    // Counts from the question on: one that is never answered is given up, too.
    let silence;
    const heard = () => { clearTimeout(silence); silence = setTimeout(() => reading.abort(), SILENCE); };
    heard();
    try {
      const headers = { Accept: 'text/event-stream', ...(this.#lastId ? { 'Last-Event-ID': this.#lastId } : {}) };
      const answer = await ask(`/api/events?kinds=${this.#opened}`, { signal: reading.signal, headers });
      if (answer.status === 401 || answer.status === 403) state = 'refused';
      else if (answer.ok) await this.#read(answer.body, reading, heard);
    } catch { /* it broke off, or nobody answers */ } finally {
      clearTimeout(silence);
    }
    if (this.#reading !== reading) return;
    this.#reading = null;
    this.#is(this.#ended && state === 'lost' ? 'ended' : state);
    this.#timer = setTimeout(() => this.#open(), this.#pause);
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 1.6);
  }

  async #read(body, reading, heard) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let held = '';
    for (heard(); ; heard()) {
      const { done, value } = await reader.read();
      if (done || this.#reading !== reading) return;
      const parts = (held + value).split('\n\n');
      held = parts.pop();
      for (const part of parts) this.#take(part);
    }
  }

  #take(text) {
    const said = {};
    for (const line of text.split('\n')) {
      const at = line.indexOf(': ');
      if (at > 0) said[line.slice(0, at)] = line.slice(at + 2);
    }
    if (!said.event) return;
    const data = JSON.parse(said.data);
    if (said.id) this.#lastId = said.id;
    if (said.event === 'hello') {
      this.#pause = FIRST_PAUSE;
      this.#ended = null;
      this.#is('live');
    } else if (said.event === 'end') {
      this.#ended = true;
      this.reason = data.reason;
    }
    for (const listener of [...(this.#listeners.get(said.event) ?? [])]) listener(data);
  }
}

export const stream = new Stream();
