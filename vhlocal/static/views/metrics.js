// What endpoints print as metrics, charted over time; and beside that their traffic, memory and replicas.

import { get } from '../api.js';
import { Chart, moment, short } from '../chart.js';
import { ago, h, keyed, replace, seconds, visible, whenNew } from '../dom.js';
import { keyOf, store } from '../store.js';
import { stream } from '../stream.js';

const RANGES = { '5 min': 300, '1 h': 3600, '24 h': 86400, 'All': 0 };
const WIDTHS = { 'auto': 0, 'second': 1, '10 s': 10, 'minute': 60, 'hour': 3600, 'day': 86400 };
const VALUES = ['mean', 'min', 'max', 'sum', 'count'];
// Milliseconds from one question for new buckets to the next, while values come.
const PAUSE = 1000;
// Charts that are made before somebody asks for the others, and texts that are listed of each name.
const CHARTS = 24;
const TEXTS = 10;
// Replicas that the charts of traffic show at a time.
const LINES = 12;

const TRAFFIC = [
  { title: 'Latency', of: { p50: 'p50', p95: 'p95' }, format: seconds },
  { title: 'Requests per second', of: { requests: '' } },
  { title: 'Errors per second', of: { errors: '' } },
  { title: 'In flight', of: { in_flight: '' } },
  { title: 'Memory (MiB)', of: { memory: '', limit: 'limit' }, per: 2 ** 20 },
  { title: 'Replicas', of: { replicas: '' } },
];

// What somebody has hidden stays so while the page is open.
const hidden = new Set();

class Metrics extends HTMLElement {
  static kinds = ['metrics', 'ticks'];

  #series = new Map();
  #texts = new Map();
  #charts = new Map();
  #traffic = [];
  #step = 0;
  #since = null;
  #asked = null;
  #timer = null;
  #last = 0;
  #run = null;
  #all = false;
  #now = 0;
  #ends = [];

  connectedCallback() {
    this.#build();
    this.#ends = [
      stream.on('metrics', () => this.#soon()),
      stream.on('hello', (said) => this.#hello(said)),
      store.subscribe(() => this.#ticked()),
      store.followTicks(),
    ];
  }

  disconnectedCallback() {
    this.#asked?.abort();
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
    for (const chart of [...this.#charts.values(), ...this.#traffic]) chart.close();
  }

  route(params) {
    for (const [name, field] of Object.entries(this.fields)) {
      const given = params.get(name);
      if (field.type === 'checkbox') field.checked = given === 'yes';
      else if (name === 'endpoint') this.chosen = given ?? '';
      else field.value = [...field.options].some((option) => option.value === given) ? given : field.options[0].value;
    }
    this.#choices();
    this.#load();
  }

  // The parts.

  #build() {
    const select = (name, label, words) => h('select', { name, 'aria-label': label, onchange: () => this.#changed() }, words.map((word) => h('option', { value: word }, word)));
    this.chosen = '';
    this.fields = {
      endpoint: h('select', { name: 'endpoint', 'aria-label': 'Endpoint', onchange: () => { this.chosen = this.fields.endpoint.value; this.#changed(); } }),
      kind: select('kind', 'Kind of chart', ['line', 'histogram']),
      value: select('value', 'Value of each bucket', VALUES),
      width: select('width', 'Width of buckets', Object.keys(WIDTHS)),
      range: select('range', 'Range of time', Object.keys(RANGES)),
      zero: h('input', { type: 'checkbox', name: 'zero', onchange: () => this.#changed() }),
    };
    this.charts = h('div', { class: 'charts' });
    this.more = h('button', { class: 'button', type: 'button', hidden: true, onclick: () => { this.#all = true; this.#draw(); } });
    this.trouble = h('p', { class: 'bad', role: 'alert', hidden: true });
    this.leftOut = h('p', { class: 'warn', hidden: true });
    this.rows = h('tbody');
    this.texts = h('section', { hidden: true }, h('h2', null, 'Texts'), h('div', { class: 'card scroll' }, h('table', { class: 'table' },
      h('thead', null, h('tr', null, ['Endpoint', 'Metric', 'Values', 'Last text'].map((word) => h('th', { scope: 'col', class: word === 'Values' ? 'number' : null }, word)),
        h('th', { scope: 'col' }, h('span', { class: 'visually-hidden' }, 'When')))),
      this.rows)));
    this.toolbar = h('div', { class: 'toolbar', hidden: true }, this.fields.endpoint, this.fields.kind, this.fields.value, h('label', null, 'per', this.fields.width), this.fields.range, h('label', null, this.fields.zero, 'from zero'));
    this.none = h('div', { hidden: true },
      h('p', { class: 'soft' }, 'No metrics yet. To record one, print a line of JSON to stdout, as in production:'),
      h('pre', { class: 'code example', tabindex: '0' }, 'print(json.dumps({"vh_metadata": {"probability": 0.92, "best_guess": "seven"}}), flush=True)'));
    this.crowd = h('p', { class: 'soft', hidden: true }, `The first ${LINES} servers are shown; choose an endpoint to see others.`);
    const traffic = h('div', { class: 'charts traffic' });
    this.#traffic = TRAFFIC.map(({ title, format }) => new Chart({ title, format, onHide: (key) => this.#hide(key) }));
    traffic.append(...this.#traffic.map(({ node }) => node));
    replace(this,
      h('section', null, h('h1', null, 'Metrics'), this.trouble, this.leftOut, this.toolbar, this.none, this.charts, this.more),
      this.texts,
      h('section', null, h('h2', null, 'Traffic'), this.crowd, traffic));
  }

  #choices() {
    const there = [...new Set([...store.endpoints, ...this.#series.values(), ...this.#texts.values()].map(({ endpoint }) => endpoint)), ...(this.chosen ? [this.chosen] : [])];
    const wanted = [...new Set(there)];
    const field = this.fields.endpoint;
    if (field.dataset.there !== wanted.join('\n')) {
      field.dataset.there = wanted.join('\n');
      replace(field, h('option', { value: '' }, 'All endpoints'), wanted.map((name) => h('option', { value: name }, name)));
    }
    field.value = this.chosen;
    field.hidden = wanted.length < 2;
    // Traffic is of an endpoint, too; all else is there to choose where metrics were printed.
    const nothing = !this.#series.size && !this.#texts.size;
    for (const one of this.toolbar.children) if (one !== field) one.hidden = nothing;
    this.toolbar.hidden = nothing && field.hidden;
  }

  #changed() {
    const params = new URLSearchParams();
    for (const [name, field] of Object.entries(this.fields)) {
      if (field.type === 'checkbox') { if (field.checked) params.set(name, 'yes'); }
      else if (field.value !== field.options[0].value) params.set(name, field.value);
    }
    history.replaceState(null, '', `#/metrics${params.size ? `?${params}` : ''}`);
    this.#load();
    this.#ticked();
  }

  // Series: all buckets of the range first, then those that have changed since.

  #load() {
    this.#since = null;
    this.#step = 0;
    this.#ask();
  }

  #hello(said) {
    // Also at the first one: what was printed before it is told to nobody.
    if (this.#run !== said.run || said.gap) this.#load();
    this.#run = said.run;
  }

  #soon() {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => { this.#timer = null; this.#ask(); }, Math.max(50, this.#last + PAUSE - performance.now()));
  }

  #wantedStep() {
    const span = RANGES[this.fields.range.value] || (this.#series.size ? this.#now - Math.min(...[...this.#series.values()].map(({ first }) => first)) : 3600);
    return WIDTHS[this.fields.width.value] || Math.max(1, Math.ceil(span / (this.fields.kind.value === 'line' ? 300 : 60)));
  }

  async #ask() {
    this.#asked?.abort();
    const asked = this.#asked = new AbortController();
    const first = this.#since === null;
    const range = RANGES[this.fields.range.value];
    const step = this.#step || this.#wantedStep();
    const since = Math.max(1, first ? (range && (this.#now || Date.now() / 1000) - range) : this.#since);
    let said;
    try {
      said = await get(`/api/series?${new URLSearchParams({ step, since })}`, asked.signal);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.trouble.hidden = false;
      this.trouble.textContent = error.message;
      return;
    }
    if (this.#asked !== asked) return;
    this.trouble.hidden = true;
    this.#last = performance.now();
    this.#step = Math.max(step, ...said.series.map((one) => one.step));
    // So narrow buckets are not kept for all of that time: all series are shown in those that are.
    if (said.series.some((one) => one.step !== this.#step)) { this.#since = null; this.#ask(); return; }
    if (first) { this.#series.clear(); this.#texts.clear(); }
    this.#now = said.time;
    for (const one of said.series) this.#merge(one, range && said.time - range - one.step);
    for (const one of said.texts) this.#mergeTexts(one);
    // A bucket is asked for until it is over, since more may have come into it.
    this.#since = said.time - 2 * this.#step - 1;
    this.leftOut.hidden = !said.left_out;
    this.leftOut.textContent = `${said.left_out} values were left out: use fewer and shorter names.`;
    this.#choices();
    this.#draw();
  }

  #merge(one, from) {
    const key = nameOf(one);
    const buckets = this.#series.get(key)?.buckets ?? new Map();
    for (const row of one.buckets) buckets.set(row[0], row);
    for (const time of buckets.keys()) if (time < from) buckets.delete(time);
    this.#series.set(key, { ...one, buckets });
  }

  #mergeTexts(one) {
    const known = this.#texts.get(nameOf(one))?.texts ?? [];
    const newer = one.texts.filter(({ time }) => !known.length || time > known.at(-1).time);
    this.#texts.set(nameOf(one), { ...one, texts: [...known, ...newer].slice(-TEXTS) });
  }

  // Drawing.

  #draw() {
    const fitting = [...this.#series.values()].filter(({ endpoint }) => !this.chosen || endpoint === this.chosen);
    const names = [...new Set(fitting.map(({ name }) => name))];
    this.none.hidden = this.#series.size + this.#texts.size > 0;
    const wanted = this.#all ? names : names.slice(0, CHARTS);
    this.more.hidden = wanted.length === names.length;
    this.more.textContent = `Show ${names.length - wanted.length} more`;
    for (const [name, chart] of this.#charts) {
      if (!wanted.includes(name)) { chart.close(); chart.node.remove(); this.#charts.delete(name); }
    }
    const replicas = [...new Set(fitting.map(keyOf))];
    const range = RANGES[this.fields.range.value];
    const value = this.fields.value.value;
    const bars = this.fields.kind.value === 'histogram';
    const whole = (time, round) => round(time / this.#step) * this.#step;
    for (const name of wanted) {
      if (!this.#charts.has(name)) {
        const chart = new Chart({ title: name || '(no name)', onHide: (key) => this.#hide(key) });
        this.#charts.set(name, chart);
        this.charts.append(chart.node);
      }
      const own = fitting.filter((one) => one.name === name);
      const from = whole(range ? this.#now - range : Math.min(...own.map(({ first }) => first)), Math.floor);
      const series = own.map((one) => ({
        key: nameOf(one), label: replicas.length > 1 ? one.served : value, index: replicas.indexOf(keyOf(one)), hidden: hidden.has(nameOf(one)), points: hidden.has(nameOf(one)) ? [] : points(one, value, from),
      }));
      this.#charts.get(name).show({ series, from, to: Math.max(bars ? whole(this.#now, Math.ceil) : this.#now, from + 1), step: this.#step, bars, zero: this.fields.zero.checked });
    }
    this.#list();
  }

  #hide(key) {
    if (!hidden.delete(key)) hidden.add(key);
    this.#draw();
    this.#ticked();
  }

  #list() {
    const texts = [...this.#texts.values()].filter(({ endpoint }) => !this.chosen || endpoint === this.chosen);
    this.texts.hidden = !texts.length;
    keyed(this.rows, texts.map((one) => ({ ...one, now: this.#now })), nameOf, textsPart);
  }

  #ticked() {
    const now = JSON.stringify([store.time, store.endpoints.length, this.chosen, [...hidden]]);
    if (now === this.ticked) return;
    this.ticked = now;
    this.#choices();
    const fitting = store.endpoints.filter(({ endpoint }) => !this.chosen || endpoint === this.chosen);
    const shown = fitting.slice(0, LINES);
    this.crowd.hidden = shown.length === fitting.length;
    const to = store.time || Date.now() / 1000;
    const from = Math.min(to - 60, ...shown.map((one) => store.ticks.get(keyOf(one))?.[0]?.time ?? to));
    TRAFFIC.forEach(({ title, of, format = short, per = 1 }, place) => {
      const series = shown.flatMap((one, index) => Object.entries(of).map(([field, word], second) => {
        const key = `${title}\n${field}\n${keyOf(one)}`;
        const ticks = hidden.has(key) ? [] : store.ticks.get(keyOf(one)) ?? [];
        return {
          key, label: [shown.length > 1 ? one.name : '', word].filter(Boolean).join(' ') || one.name, index, dashed: second > 0, hidden: hidden.has(key),
          points: ticks.flatMap((tick) => (tick[field] === null || tick[field] === undefined ? [] : [{ time: tick.time, value: tick[field] / per, told: format(tick[field] / per) }])),
        };
      })).filter(({ points: there, hidden: away }) => there.length || away);
      this.#traffic[place].show({ series, from, to, step: 1, zero: true });
    });
  }
}

/** A row of the table of texts: the last one, and those before it where there are some. */
function textsPart({ served, name }) {
  const count = h('td', { class: 'number' });
  const text = h('span');
  const summary = h('summary');
  const list = h('ol');
  const more = h('details', null, summary, list);
  const age = h('td', { class: 'soft' });
  const draw = whenNew((last) => {
    text.textContent = last.length ? visible(last.at(-1).text) : '–';
    more.hidden = last.length < 2;
    summary.textContent = `the last ${last.length}`;
    replace(list, [...last].reverse().map(({ time, text: said }) => h('li', null, h('span', { class: 'soft' }, `${moment(time)} `), said)));
  });
  return {
    node: h('tr', null, h('td', null, served), h('td', null, name), count, h('td', null, text, more), age),
    update({ count: many, texts, now }) {
      count.textContent = many.toLocaleString('en');
      age.textContent = texts.length ? ago(texts.at(-1).time, now) : '';
      draw(texts);
    },
  };
}

/** The points of a series: what was chosen of each bucket, and between which values its others lay. */
function points({ buckets }, value, from) {
  return [...buckets.values()].filter(([time]) => time >= from).sort((one, other) => one[0] - other[0]).map(([time, count, min, max, mean, sum]) => {
    const of = { count, min, max, mean, sum };
    const told = `${value} ${short(of[value])} (count ${count}, min ${short(min)}, max ${short(max)}, mean ${short(mean)}, sum ${short(sum)})`;
    return { time, value: of[value], ...(value === 'mean' && { low: min, high: max }), told };
  });
}

function nameOf({ version, endpoint, replica, name }) {
  return JSON.stringify([version, endpoint, replica, name]);
}

customElements.define('vh-metrics', Metrics);
