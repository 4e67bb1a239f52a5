// What the servers print: live, of all or of one, filtered, with the colours that it was given.

import { coloured, plain } from '../ansi.js';
import { get } from '../api.js';
import { clock, copy, h, replace, visible } from '../dom.js';
import { keyOf, store } from '../store.js';
import { stream } from '../stream.js';

// Lines that the page keeps, that are in the document, and that are added at an end when somebody scrolls there.
const KEPT = 10000;
const DRAWN = 300;
const STEP = 100;
const PAST = 1000;
// After so many new lines at once, which nobody reads, the next are drawn so many milliseconds later: keys come first.
const MANY = 50;
const REST = 250;
// Characters of a line that are shown before somebody asks for more.
const LONG = 1000;
// Seconds around a request that are its own, as far as anybody can tell.
const NEAR = 1;

const FILTERS = ['endpoint', 'version', 'replica', 'stream', 'text'];

class Logs extends HTMLElement {
  static kinds = ['logs'];

  #all = [];
  #matching = [];
  #first = 0;
  #last = 0;
  #missed = 0;
  #held = null;
  #asked = null;
  #run = null;
  #filter = {};
  #around = null;
  #paused = false;
  #following = true;
  #due = false;
  #rest = 0;
  #ends = [];
  #sized = new ResizeObserver(() => { if (this.#following) this.lines.scrollTop = this.lines.scrollHeight; });

  connectedCallback() {
    this.#build();
    this.#ends = [
      stream.on('logs', (said) => this.#take(said)),
      stream.on('hello', (said) => this.#hello(said)),
      store.subscribe(() => this.#choices()),
    ];
    this.#sized.observe(this.lines);
    this.#choices();
    this.#load();
  }

  disconnectedCallback() {
    this.#asked?.abort();
    this.#sized.disconnect();
    for (const end of this.#ends) end();
  }

  route(params) {
    const before = JSON.stringify(this.#filter);
    this.#filter = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? '']));
    this.#around = params.has('around') && Number.isFinite(Number(params.get('around'))) ? Number(params.get('around')) : null;
    if (this.#around !== null) this.#pause(true);
    this.#choices();
    this.fields.text.value = this.#filter.text;
    if (before !== JSON.stringify(this.#filter) || this.#around !== null) this.#sift();
  }

  // The parts.

  #build() {
    const select = (name, label) => h('select', { name, 'aria-label': label, onchange: () => this.#chosen() });
    this.fields = {
      endpoint: select('endpoint', 'Endpoint'),
      version: select('version', 'Version'),
      replica: select('replica', 'Replica'),
      stream: select('stream', 'Stream'),
      text: h('input', { type: 'search', name: 'text', placeholder: 'Filter', 'aria-label': 'Only lines with this text', oninput: () => this.#chosen() }),
    };
    this.pauseButton = h('button', { class: 'button', type: 'button', 'aria-pressed': 'false', onclick: () => this.#pause(!this.#paused) }, 'Pause');
    this.copyButton = h('button', { class: 'button', type: 'button', onclick: () => this.#copy() }, 'Copy');
    const wrap = h('input', { type: 'checkbox', checked: true, onchange: () => this.lines.classList.toggle('wrapped', wrap.checked) });
    this.count = h('span', { class: 'count soft', role: 'status' });
    this.lines = h('div', { class: 'lines wrapped', role: 'log', 'aria-live': 'off', 'aria-label': 'Log lines', tabindex: '0', onscroll: () => this.#scrolled() });
    this.newer = h('button', { class: 'button primary newer', type: 'button', hidden: true, onclick: () => this.#follow() });
    replace(this,
      h('h1', { class: 'visually-hidden' }, 'Logs'),
      h('div', { class: 'toolbar' }, Object.values(this.fields), this.pauseButton, this.copyButton, h('label', null, wrap, 'Wrap'), this.count),
      h('div', { class: 'box' }, this.lines, this.newer));
  }

  #choices() {
    const served = store.endpoints.filter((one) => !this.#filter.endpoint || one.endpoint === this.#filter.endpoint);
    options(this.fields.endpoint, 'All endpoints', store.endpoints.map((one) => one.endpoint), this.#filter.endpoint);
    options(this.fields.version, 'All versions', store.endpoints.map((one) => one.version), this.#filter.version);
    options(this.fields.replica, 'All replicas', served.map((one) => String(one.replica)), this.#filter.replica);
    options(this.fields.stream, 'All streams', ['stdout', 'stderr'], this.#filter.stream);
    this.lines.classList.toggle('one', new Set(store.endpoints.map(keyOf)).size < 2);
  }

  #chosen() {
    for (const name of FILTERS) this.#filter[name] = this.fields[name].value;
    this.#around = null;
    const kept = new URLSearchParams(FILTERS.filter((name) => this.#filter[name]).map((name) => [name, this.#filter[name]]));
    history.replaceState(null, '', `#/logs${kept.size ? `?${kept}` : ''}`);
    this.#choices();
    this.#sift();
  }

  // Lines.

  /** Read what was printed before. What the stream brings meanwhile is held, and what is in both is taken once. */
  async #load() {
    this.#asked?.abort();
    const asked = this.#asked = new AbortController();
    this.#held = [];
    let past = [];
    try {
      past = await get(`/api/logs?tail=${PAST}`, asked.signal);
    } catch (error) {
      if (asked.signal.aborted) return;
      past = [note(error.message)];
    }
    if (this.#asked !== asked) return;
    const known = new Map();
    for (const line of past) known.set(nameOf(line), (known.get(nameOf(line)) ?? 0) + 1);
    const after = this.#held.filter((line) => {
      const left = known.get(nameOf(line)) ?? 0;
      known.set(nameOf(line), left - 1);
      return left <= 0;
    });
    this.#held = null;
    this.#all = [...past, ...after].slice(-KEPT);
    if (this.#around === null && (this.#paused || !this.#following)) this.#stay();
    else this.#sift();
  }

  /** Have the lines that somebody reads stay where they are among those that are known now. */
  #stay() {
    const many = this.#last - this.#first;
    const shown = many ? nameOf(this.#matching[this.#last - 1]) : null;
    this.#matching = this.#all.filter((line) => this.#fits(line));
    this.#last = this.#matching.findLastIndex((line) => nameOf(line) === shown) + 1;
    this.#first = Math.max(0, this.#last - many);
    this.#tell();
  }

  #hello(said) {
    // Also at the first one: what was printed before it is told to nobody.
    const other = this.#run !== said.run;
    this.#run = said.run;
    if (other || said.gap) this.#load();
  }

  #take({ lines, missed }) {
    const came = missed ? [note(`… ${missed.toLocaleString('en')} lines are left out: they came faster than they can be shown`), ...lines] : lines;
    if (this.#held) { this.#held.push(...came); return; }
    this.#all.push(...came);
    if (this.#all.length > KEPT * 1.2) this.#forget();
    const fitting = came.filter((line) => this.#fits(line));
    this.#matching.push(...fitting);
    this.#draw();
  }

  /** Let go of the oldest lines; those that somebody looks at stay where they are until then. */
  #forget() {
    this.#all = this.#all.slice(-KEPT);
    const oldest = new Set(this.#all);
    const gone = this.#matching.findIndex((line) => oldest.has(line));
    const count = gone < 0 ? this.#matching.length : gone;
    this.#matching.splice(0, count);
    this.#first = Math.max(0, this.#first - count);
    this.#last = Math.max(0, this.#last - count);
  }

  #fits(line) {
    const { endpoint, version, replica, stream: from, text } = this.#filter;
    if (line.stream === 'note') return true;
    return (!endpoint || line.endpoint === endpoint) && (!version || line.version === version)
      && (!replica || String(line.replica) === replica) && (!from || line.stream === from)
      && (!text || searched(line).includes(text.toLowerCase()));
  }

  #sift() {
    this.#matching = this.#all.filter((line) => this.#fits(line));
    if (this.#around !== null) this.#showAround(this.#around);
    else this.#follow();
  }

  // Drawing: at the end of the list, or where somebody has scrolled to.

  #draw() {
    if (this.#due) return;
    this.#due = true;
    setTimeout(() => requestAnimationFrame(() => {
      this.#due = false;
      if (!this.isConnected) return;
      this.#rest = this.#following && this.#matching.length - this.#last > MANY ? REST : 0;
      if (!this.#paused && this.#following) this.#append();
      this.#tell();
    }), this.#rest);
  }

  #append() {
    const end = this.#matching.length;
    if (end - this.#last >= DRAWN || this.#last < this.#first) { this.#show(end - DRAWN, end); }
    else {
      this.lines.append(...this.#matching.slice(this.#last, end).map(row));
      this.#last = end;
      while (this.lines.childElementCount > DRAWN) { this.lines.firstElementChild.remove(); this.#first += 1; }
    }
    this.lines.scrollTop = this.lines.scrollHeight;
  }

  #show(first, end) {
    this.#first = Math.max(0, first);
    this.#last = Math.min(this.#matching.length, end);
    const shown = this.#matching.slice(this.#first, this.#last);
    replace(this.lines, shown.length ? shown.map(row) : h('p', { class: 'empty' }, this.#all.length ? 'No line matches.' : 'Nothing has been printed yet.'));
  }

  #follow() {
    this.#pause(false, false);
    this.#around = null;
    this.#following = true;
    this.#show(this.#matching.length - DRAWN, this.#matching.length);
    this.lines.scrollTop = this.lines.scrollHeight;
    this.#tell();
  }

  #showAround(time) {
    let at = this.#matching.findIndex((line) => line.time >= time);
    if (at < 0) at = this.#matching.length - 1;
    if (at > 0 && time - this.#matching[at - 1].time < this.#matching[at].time - time) at -= 1;
    this.#following = false;
    this.#show(at - DRAWN / 2, at + DRAWN / 2);
    const rows = [...this.lines.children];
    this.#matching.slice(this.#first, this.#last).forEach((line, index) => {
      if (Math.abs(line.time - time) <= NEAR) rows[index].classList.add('near');
    });
    const row_ = rows[at - this.#first];
    row_?.classList.add('at');
    row_?.scrollIntoView({ block: 'center' });
    this.#tell();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.lines;
    const below = scrollHeight - scrollTop - clientHeight;
    this.#following = below < 4 && this.#last >= this.#matching.length;
    if (scrollTop < 80 && this.#first > 0) this.#earlier();
    else if (below < 80 && this.#last < this.#matching.length && !this.#paused && !this.#due) this.#later();
    if (!this.#due) this.#tell();
  }

  #earlier() {
    const before = this.lines.scrollHeight;
    const from = Math.max(0, this.#first - STEP);
    this.lines.prepend(...this.#matching.slice(from, this.#first).map(row));
    this.#first = from;
    this.lines.scrollTop += this.lines.scrollHeight - before;
    while (this.lines.childElementCount > DRAWN + STEP) { this.lines.lastElementChild.remove(); this.#last -= 1; }
  }

  #later() {
    const end = Math.min(this.#matching.length, this.#last + STEP);
    this.lines.append(...this.#matching.slice(this.#last, end).map(row));
    this.#last = end;
    const before = this.lines.scrollHeight;
    while (this.lines.childElementCount > DRAWN + STEP) { this.lines.firstElementChild.remove(); this.#first += 1; }
    this.lines.scrollTop -= before - this.lines.scrollHeight;
  }

  #pause(paused, go = true) {
    this.#paused = paused;
    this.pauseButton.textContent = paused ? 'Resume' : 'Pause';
    this.pauseButton.setAttribute('aria-pressed', String(paused));
    if (!paused && go) this.#follow();
  }

  #tell() {
    const waiting = this.#matching.length - this.#last;
    this.newer.hidden = waiting <= 0;
    this.newer.textContent = `${waiting.toLocaleString('en')} newer`;
    const filtered = this.#matching.length !== this.#all.length;
    const all = this.#all.length.toLocaleString('en');
    this.count.textContent = filtered ? `${this.#matching.length.toLocaleString('en')} of ${all} lines` : `${all} lines`;
    const oldest = this.#all.find((line) => line.time > 0)?.time;
    if (this.#around !== null && oldest > this.#around + NEAR) this.count.textContent += '; the lines of that moment are no longer kept';
  }

  async #copy() {
    const done = await copy(this.#matching.map((line) => `${line.time ? `${clock(line.time)} ` : ''}${line.name ? `${line.name} ` : ''}${visible(plain(line.text))}`).join('\n'));
    this.copyButton.textContent = done ? 'Copied' : 'Not copied';
    setTimeout(() => { this.copyButton.textContent = 'Copy'; }, 1500);
  }
}

function row(line) {
  const text = h('span', { class: 'text' }, coloured(line.text, LONG));
  if (line.text.length > LONG) {
    const more = h('button', { type: 'button', onclick: () => replace(text, coloured(line.text)) }, `${(line.text.length - LONG).toLocaleString('en')} characters more`);
    text.append(' ', more);
  }
  const when = line.time ? h('time', { title: new Date(line.time * 1000).toISOString() }, clock(line.time)) : null;
  return h('div', { class: `line ${line.stream}`, title: line.stream === 'stderr' ? 'stderr' : null }, when, line.name ? h('b', { title: line.name }, line.name) : null, text);
}

/** What a line is looked for by; each key that somebody types asks all lines. */
function searched(line) {
  line.searched ??= plain(line.text).toLowerCase();
  return line.searched;
}

function note(text) {
  return { stream: 'note', text, time: 0, name: '' };
}

function nameOf(line) {
  return JSON.stringify([line.time, line.version, line.endpoint, line.replica, line.stream, line.text]);
}

function options(select, all, values, chosen) {
  const there = [...new Set([...values, ...(chosen ? [chosen] : [])])];
  const wanted = ['', ...there].join('\n');
  if (select.dataset.there !== wanted) {
    select.dataset.there = wanted;
    replace(select, h('option', { value: '' }, all), there.map((value) => h('option', { value }, value)));
  }
  select.value = chosen ?? '';
  select.hidden = there.length < 2 && !chosen;
}

customElements.define('vh-logs', Logs);
