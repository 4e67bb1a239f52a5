// Requests as they end, newest first: a list of which only what is seen is drawn, and beside it the whole of one.

import { get, post, remove } from '../api.js';
import { bytes, clock, copyButton, h, replace, seconds, troubles } from '../dom.js';
import { actor } from '../parts.js';
import { store } from '../store.js';
import { stream } from '../stream.js';
import { bodyOf } from '../body.js';

// So many requests are kept here. The oldest leave some at a time: to move them all for each new one takes long.
const KEPT = 20000;
const AT_ONCE = 2000;
const FIRST = 1000;
const OVERSCAN = 6;
const DIFFERENCES = 100;

const STATUSES = { '': 'any status', '2xx': '2xx', '3xx': '3xx', '4xx': '4xx', '5xx': '5xx', failed: 'failed', pinned: 'pinned' };
const FILTERS = ['endpoint', 'version', 'replica', 'status', 'text'];

const isFailed = (record) => record.status >= 400 || !record.whole;
const tone = (record) => (record.status >= 500 || !record.whole ? 'bad' : record.status >= 400 ? 'warn' : 'good');
const below = (target, prefix) => (target.startsWith(prefix) ? target.slice(prefix.length) || '/' : target);

class RequestsView extends HTMLElement {
  static kinds = ['requests'];

  #all = []; // oldest first, as they come
  #ids = new Set();
  #matching = [];
  #waiting = null; // what has come since it was paused; null where it goes on
  #left = 0; // so many made room for others, the last of them at
  #leftAt = 0;
  #missed = 0;
  #run = null;
  #pins = new Map();
  #filters = Object.fromEntries(FILTERS.map((name) => [name, '']));
  #shown = ''; // the id of the one that is shown whole
  #rows = new Map();
  #due = false;
  #above = 0; // so many have come above what is drawn
  #ends = [];
  #loading = null;
  #body = null;

  connectedCallback() {
    this.#build();
    this.#ends = [
      stream.on('requests', ({ records, missed }) => this.#take(records, missed)),
      stream.on('pins', ({ pins }) => this.#takePins(pins)),
      // What has ended before the stream was open is asked for.
      stream.on('hello', (said) => this.#load(said.run)),
      store.subscribe(() => this.#offer()),
    ];
    const size = new ResizeObserver(() => this.#draw());
    size.observe(this.list);
    this.#ends.push(() => size.disconnect());
    if (store.run) this.#load(store.run.run);
  }

  disconnectedCallback() {
    for (const end of this.#ends) end();
    this.#body?.close();
    this.#loading?.abort();
  }

  route(params) {
    for (const name of FILTERS) this.#filters[name] = params.get(name) ?? '';
    for (const name of FILTERS) this.fields[name].value = this.#filters[name];
    this.#offer();
    this.#filter();
    const id = params.get('id') ?? '';
    if (id !== this.#shown) this.#show(id);
  }

  // What is kept.

  async #load(run) {
    if (this.#run !== null && run !== this.#run) this.#forget();
    this.#run = run;
    try {
      const past = await get(`/api/requests?tail=${FIRST}`);
      if (this.#waiting === null || !this.#all.length) this.#merge(past);
      else this.#wait(past);
      this.#takePins((await get('/api/pins')).pins);
      replace(this.trouble);
    } catch (error) {
      replace(this.trouble, troubles(error));
    }
  }

  #forget() {
    this.#all = [];
    this.#ids.clear();
    this.#waiting = this.#waiting && [];
    this.#left = this.#missed = this.#leftAt = 0;
    this.#filter();
    if (this.#shown) this.#go('');
  }

  #take(records, missed) {
    this.#missed += missed ?? 0;
    if (this.#waiting === null) this.#merge(records);
    else {
      this.#waiting.push(...records);
      if (this.#waiting.length > KEPT) this.#left += this.#waiting.splice(0, this.#waiting.length - KEPT).length;
      this.#soon();
    }
  }

  /** Have those that are not known yet wait among those that do. */
  #wait(records) {
    const waiting = new Set(this.#waiting.map(({ id }) => id));
    this.#waiting.push(...records.filter(({ id, endpoint }) => endpoint && !this.#ids.has(id) && !waiting.has(id)));
    this.#waiting.sort((one, other) => one.time - other.time);
    this.#soon();
  }

  #merge(records) {
    const fresh = records.filter((record) => record.endpoint && record.time > this.#leftAt && !this.#ids.has(record.id));
    if (!fresh.length) { this.#soon(); return; }
    for (const record of fresh) this.#ids.add(record.id);
    const sorted = !this.#all.length || this.#all.at(-1).time <= fresh[0].time;
    this.#all.push(...fresh);
    if (!sorted) this.#all.sort((one, other) => one.time - other.time);
    const past = this.#all.length - KEPT;
    if (past > 0) {
      for (const record of this.#all.splice(0, Math.max(past, AT_ONCE))) {
        this.#ids.delete(record.id);
        this.#left += 1;
        this.#leftAt = record.time;
      }
    }
    if (!sorted || past > 0) { this.#filter(); return; }
    const found = fresh.filter((record) => this.#wants(record));
    this.#matching.push(...found);
    this.#above += found.length;
    this.#soon();
  }

  #filter() {
    this.#matching = this.#all.filter((record) => this.#wants(record));
    this.#above = 0;
    if (this.#filters.status === 'pinned') {
      const known = new Set(this.#matching.map((record) => record.id));
      const gone = [...this.#pins.values()].filter((record) => !known.has(record.id) && this.#wants(record));
      this.#matching = [...gone, ...this.#matching].sort((one, other) => one.time - other.time);
    }
    this.#soon();
  }

  #wants(record) {
    const { endpoint, version, replica, status, text } = this.#filters;
    if (endpoint && record.endpoint !== endpoint) return false;
    if (version && record.version !== version) return false;
    if (replica && String(record.replica || 1) !== replica) return false;
    if (status === 'failed') { if (!isFailed(record)) return false; }
    else if (status === 'pinned') { if (!this.#pins.has(record.id)) return false; }
    else if (status && !String(record.status).startsWith(status[0])) return false;
    if (!text) return true;
    const words = `${record.method} ${record.target} ${record.status} ${record.id} ${record.reason}`.toLowerCase();
    return text.toLowerCase().split(/\s+/).every((word) => words.includes(word));
  }

  #takePins(pins) {
    this.#pins = new Map(pins.map((record) => [record.id, record]));
    this.#rows.clear();
    this.rows.replaceChildren();
    if (this.#filters.status === 'pinned') this.#filter();
    if (this.pin) this.pin.textContent = this.#pinWord();
    this.#soon();
  }

  #pinWord() {
    return this.#pins.has(this.#shown) ? 'Unpin' : 'Pin';
  }

  // The list.

  #build() {
    const field = (name, label, control) => {
      control.addEventListener('input', () => this.#filtered(name, control.value));
      return h('label', { class: 'filter', dataset: { filter: name } }, h('span', { class: 'visually-hidden' }, label), control);
    };
    this.fields = {
      text: h('input', { type: 'search', placeholder: 'Path, status, id or reason', autocomplete: 'off', spellcheck: 'false' }),
      endpoint: h('select'),
      version: h('select'),
      replica: h('select'),
      status: h('select', null, Object.entries(STATUSES).map(([value, word]) => h('option', { value }, word))),
    };
    const labels = { text: 'Text in a request', endpoint: 'Endpoint', version: 'Version', replica: 'Replica', status: 'Status' };
    this.pause = h('button', { class: 'button', type: 'button', 'aria-pressed': 'false', onclick: () => this.#pauseOrGoOn() }, 'Pause');
    this.count = h('p', { class: 'count soft' });
    this.trouble = h('div', { class: 'trouble', role: 'alert' });
    this.rows = h('ol', { class: 'rows' });
    this.list = h('div', { class: 'list', tabindex: '0', role: 'region', 'aria-label': 'Requests, newest first' }, this.rows);
    this.list.addEventListener('scroll', () => this.#soon(), { passive: true });
    this.list.addEventListener('keydown', (event) => this.#key(event));
    this.detail = h('section', { class: 'detail card', 'aria-label': 'The request', tabindex: '-1', hidden: true });
    replace(this,
      h('h1', { class: 'visually-hidden' }, 'Requests'),
      h('div', { class: 'toolbar', role: 'search' }, Object.entries(this.fields).map(([name, control]) => field(name, labels[name], control)), this.pause),
      this.trouble,
      h('div', { class: 'both' }, h('div', { class: 'side' }, this.count, this.list), this.detail));
    this.#offer();
  }

  /** Offer what there is to choose from; where that is one, nobody has to choose. */
  #offer() {
    const known = { endpoint: new Set(), version: new Set(), replica: new Set() };
    for (const at of store.endpoints) {
      known.endpoint.add(at.endpoint);
      known.version.add(at.version);
      known.replica.add(String(at.replica || 1));
    }
    const all = { endpoint: 'all endpoints', version: 'all versions', replica: 'all replicas' };
    for (const [name, found] of Object.entries(known)) {
      const chosen = this.#filters[name];
      if (chosen) found.add(chosen);
      const values = [...found].sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
      const select = this.fields[name];
      select.parentNode && (select.parentNode.hidden = values.length < 2);
      if ([...select.options].slice(1).map((option) => option.value).join('\n') === values.join('\n') && select.options.length) continue;
      const word = (value) => (name === 'replica' ? `replica ${value}` : value);
      replace(select, h('option', { value: '' }, all[name]), values.map((value) => h('option', { value }, word(value))));
      select.value = chosen;
    }
  }

  #filtered(name, value) {
    this.#filters[name] = value;
    history.replaceState(null, '', this.#link(this.#shown));
    this.list.scrollTop = 0;
    this.#rows.clear();
    this.rows.replaceChildren();
    this.#filter();
  }

  #link(id) {
    const params = new URLSearchParams();
    for (const name of FILTERS) if (this.#filters[name]) params.set(name, this.#filters[name]);
    if (id) params.set('id', id);
    return `#/requests${params.size ? `?${params}` : ''}`;
  }

  #go(id) {
    location.hash = this.#link(id);
  }

  #pauseOrGoOn() {
    const waiting = this.#waiting;
    this.#waiting = waiting === null ? [] : null;
    this.pause.setAttribute('aria-pressed', String(waiting === null));
    if (waiting) this.#merge(waiting);
    this.#soon();
  }

  #height() {
    return matchMedia('(max-width: 760px)').matches ? 54 : 32;
  }

  #soon() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => { this.#due = false; if (this.isConnected) this.#draw(); });
  }

  #draw() {
    const height = this.#height();
    const many = this.#matching.length;
    this.rows.style.setProperty('height', `${many * height}px`);
    // What is read stays where it is while others come above it.
    if (this.list.scrollTop > 0) this.list.scrollTop += this.#above * height;
    this.#above = 0;
    const first = Math.max(0, Math.floor(this.list.scrollTop / height) - OVERSCAN);
    const last = Math.min(many, first + Math.ceil(this.list.clientHeight / height) + 2 * OVERSCAN);
    const seen = this.#matching.slice(many - last, many - first).reverse();
    const wanted = new Set(seen.map((record) => record.id));
    for (const [id, row] of this.#rows) if (!wanted.has(id)) { row.remove(); this.#rows.delete(id); }
    for (const [place, record] of seen.entries()) {
      const index = first + place;
      // A row stays the same element while others come above it: a click on it is one, and it keeps the focus.
      let row = this.#rows.get(record.id);
      if (!row) {
        row = this.#row(record);
        this.#rows.set(record.id, row);
      }
      if (this.rows.children[place] !== row) this.rows.insertBefore(row, this.rows.children[place] ?? null);
      row.style.setProperty('top', `${index * height}px`);
      row.setAttribute('aria-posinset', index + 1);
      row.setAttribute('aria-setsize', many);
      row.dataset.index = index;
    }
    this.#mark();
    this.#say(many);
  }

  #say(many) {
    const words = [`${many.toLocaleString()} ${many === 1 ? 'request' : 'requests'}`];
    if (many !== this.#all.length) words.push(`of ${this.#all.length.toLocaleString()}`);
    if (this.#left) words.push(`(${this.#left.toLocaleString()} older ones left out)`);
    if (this.#missed) words.push(`· ${this.#missed.toLocaleString()} came faster than they could be shown`);
    const text = many || this.#all.length ? words.join(' ') : 'No requests yet. Requests to the endpoints are listed here.';
    if (this.count.textContent !== text) this.count.textContent = text;
    const label = this.#waiting === null ? 'Pause' : this.#waiting.length ? `Resume (${this.#waiting.length.toLocaleString()} new)` : 'Resume';
    if (this.pause.textContent !== label) this.pause.textContent = label;
  }

  #row(record) {
    const who = [record.endpoint, store.versions.length > 1 && record.version, record.replica ? `replica ${record.replica}` : null];
    const link = h('a', { href: this.#link(record.id) },
      h('span', { class: 'time soft' }, clock(record.time)),
      h('span', { class: `status ${tone(record)}` }, record.status),
      h('span', { class: 'method' }, record.method),
      h('span', { class: 'path mono', title: record.target }, below(record.target, record.prefix)),
      h('span', { class: 'tag' }, this.#pins.has(record.id) ? 'pinned' : record.replayed ? 'replayed' : ''),
      h('span', { class: 'who soft' }, who.filter(Boolean).join(' · ')),
      h('span', { class: 'took' }, seconds(record.seconds)),
      h('span', { class: 'size soft' }, bytes(record.bytes_out)));
    link.addEventListener('click', (event) => {
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#go(record.id);
    });
    return h('li', null, link);
  }

  #mark() {
    for (const [id, row] of this.#rows) {
      if (id === this.#shown) row.firstChild.setAttribute('aria-current', 'true');
      else row.firstChild.removeAttribute('aria-current');
    }
  }

  #key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest('li');
    if (!by || !row) return;
    event.preventDefault();
    const next = [...this.#rows.values()].find((other) => Number(other.dataset.index) === Number(row.dataset.index) + by);
    next?.firstChild.focus();
  }

  // The whole of one.

  async #show(id) {
    this.#shown = id;
    this.toggleAttribute('data-open', Boolean(id));
    this.detail.hidden = !id;
    this.#mark();
    this.#loading?.abort();
    this.#body?.close();
    this.#body = null;
    if (!id) return;
    const loading = new AbortController();
    this.#loading = loading;
    const facts = this.#all.findLast((record) => record.id === id) ?? this.#pins.get(id);
    let recorded = null;
    let trouble = null;
    try {
      [recorded = null] = (await get(`/api/recordings?id=${encodeURIComponent(id)}`, loading.signal)).filter((each) => each.id === id);
    } catch (error) {
      if (error.name === 'AbortError') return;
      trouble = error;
    }
    if (this.#loading !== loading || !this.isConnected) return;
    this.#drawDetail(id, facts, recorded, trouble);
  }

  #drawDetail(id, facts, recorded, trouble) {
    const request = recorded?.request ?? facts;
    const back = h('a', { class: 'button small', href: this.#link('') }, 'Close');
    if (!request) {
      replace(this.detail, h('div', { class: 'toolbar top' }, back), trouble ? troubles(trouble)
        : h('p', null, 'This request is no longer here: the oldest recordings make room for new ones, and all end with the run.'));
      return;
    }
    const status = recorded?.answer.status ?? facts.status;
    const took = facts?.seconds ?? recorded.seconds;
    const ended = facts?.time ?? recorded.time + recorded.seconds;
    const about = [['when', `${clock(ended)}`], ['endpoint', facts?.endpoint ?? recorded.endpoint], ['version', facts?.version],
      ['replica', facts?.replica || null], ['revision', (facts?.revision ?? recorded.revision).slice(0, 12)], ['client', facts?.client]];
    const logs = new URLSearchParams({ around: ended, endpoint: facts?.endpoint ?? recorded.endpoint });
    const heading = h('h2', { tabindex: '-1' }, h('span', { class: 'method' }, request.method), ' ', h('span', { class: 'mono' }, request.target));
    this.result = h('div', { class: 'result', role: 'status' });
    replace(this.detail,
      h('div', { class: 'toolbar top' }, h('span', { class: `pill ${tone({ status, whole: !recorded?.answer.broke_off && facts?.whole !== false })}` }, status), h('span', null, seconds(took)), back),
      heading,
      h('dl', { class: 'about' }, about.filter(([, value]) => value).map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
        h('div', null, h('dt', null, 'id'), h('dd', null, h('code', null, id.slice(0, 8)), ' ', copyButton(id)))),
      (facts?.reason || recorded?.answer.broke_off) && h('p', { class: 'hint' }, facts?.reason || recorded.answer.broke_off),
      recorded && this.#actions(id, recorded),
      h('p', null, h('a', { href: `#/logs?${logs}` }, 'Log lines around it')),
      facts && times(facts),
      this.result,
      recorded ? this.#parts(recorded) : [
        trouble && troubles(trouble),
        !trouble && h('p', { class: 'soft' }, facts.replayed ? 'vhlocal sent it itself, so it is not recorded.' : 'Its headers and body are no longer here: the oldest recordings make room for new ones.')]);
    if (matchMedia('(max-width: 900px)').matches) { heading.focus({ preventScroll: true }); this.detail.scrollIntoView({ block: 'start' }); }
  }

  #actions(id, recorded) {
    const on = h('select', { 'aria-label': 'Where to send it' }, h('option', { value: '' }, 'where it went before'),
      store.versions.flatMap((version) => [version.version, ...version.aliases]).map((name) => h('option', { value: name }, name)));
    const acting = (work) => async (event) => {
      const button = event.currentTarget;
      button.disabled = true;
      try {
        await work();
      } catch (error) {
        replace(this.result, troubles(error));
      } finally {
        button.disabled = !stream.isLive;
      }
    };
    this.pin = actor({
      title: 'A pinned request is kept, and each save sends it to the old and the new code',
      onclick: acting(() => (this.#pins.has(id) ? remove(`/api/pins/${id}`) : post('/api/pins', { id }))),
    }, this.#pinWord());
    return h('div', { class: 'toolbar actions' },
      actor({ class: 'button primary', onclick: acting(() => this.#replay(id, on.value)) }, 'Replay'), on,
      h('a', { class: 'button', href: `#/try?recording=${id}` }, 'Edit and resend'),
      this.pin,
      actor({
        onclick: acting(async () => {
          const { curl } = await get(`/api/recordings/${id}/curl`);
          replace(this.result, h('div', { class: 'toolbar' }, h('h3', null, 'As curl'), copyButton(curl)), h('pre', { class: 'code', tabindex: '0' }, curl));
        }),
      }, 'As curl'));
  }

  async #replay(id, on) {
    replace(this.result, h('p', { class: 'soft' }, 'Sending it …'));
    const now = await post('/api/replay', on ? { id, on } : { id });
    if (this.#shown !== id) return;
    const { differences } = now;
    const more = differences.length - DIFFERENCES;
    this.#body?.close();
    this.#body = bodyOf(now.answer.headers, now.answer.body);
    replace(this.result,
      h('h3', null, on ? `Replayed on ${on}` : 'Replayed'),
      h('p', null, h('span', { class: `pill ${differences.length ? 'warn' : 'good'}` }, differences.length ? `${differences.length} differ` : 'the same'),
        ` ${now.answer.status} in ${seconds(now.seconds)}`, now.answer.broke_off && `: ${now.answer.broke_off}`),
      differences.length > 0 && h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'What differs' },
        h('table', { class: 'table differences' },
          h('thead', null, h('tr', null, h('th', null, 'where'), h('th', null, 'recorded'), h('th', null, 'now'))),
          h('tbody', null, differences.slice(0, DIFFERENCES).map((one) => h('tr', null,
            h('td', null, h('code', null, one.where)), h('td', null, h('code', null, one.before)), h('td', null, h('code', null, one.after))))))),
      more > 0 && h('p', { class: 'soft' }, `and ${more} more`),
      h('details', null, h('summary', null, 'Its answer now'), headers(now.answer.headers), this.#body.node));
  }

  #parts(recorded) {
    const { request, answer } = recorded;
    return [
      h('h3', null, 'Request'), headers(request.headers), bodyOf(request.headers, request.body).node,
      h('h3', null, 'Answer'), headers(answer.headers), bodyOf(answer.headers, answer.body).node,
    ];
  }
}

function headers(pairs) {
  return h('details', null, h('summary', null, `${pairs.length} ${pairs.length === 1 ? 'header' : 'headers'}`),
    h('dl', { class: 'headers' }, pairs.map(([name, value]) => h('div', null, h('dt', null, name), h('dd', { class: 'mono' }, value)))));
}

/** Where the time went: a bar for each part, from where it began to where it ended. */
function times(record) {
  const total = record.seconds;
  const sent = record.gateway_seconds ?? total;
  const held = Math.min(record.held_seconds ?? 0, sent);
  const first = Math.max(sent, record.first_byte_seconds ?? total);
  const parts = [['gateway', 'gateway', 0, sent - held], ['held', 'held', sent - held, sent]];
  if (record.gateway_seconds !== null) parts.push(['first byte', 'app', sent, first], ['rest', 'rest', first, total]);
  const share = (part) => `${total > 0 ? Math.min(100, (100 * part) / total) : 0}%`;
  return h('ul', { class: 'times', 'aria-label': 'Where the time went' },
    parts.filter(([name, , from, to]) => name !== 'held' || to > from).map(([name, kind, from, to]) => h('li', null,
      h('span', { class: 'soft' }, name),
      h('span', { class: 'track' }, h('span', { class: `part ${kind}`, style: { left: share(from), width: share(to - from) } })),
      h('span', { class: 'took' }, seconds(Math.max(0, to - from))))),
    h('li', { class: 'total' }, h('span', null, 'total'), h('span', { class: 'track' }), h('span', { class: 'took' }, seconds(total))));
}

customElements.define('vh-requests', RequestsView);
