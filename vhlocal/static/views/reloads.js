// A timeline of saves: what changed, how it came in, how answers compare, and what was broken.

import { get } from '../api.js';
import { clock, h, kept, prose, replace, seconds, troubles } from '../dom.js';
import { phases, revision } from '../parts.js';
import { store } from '../store.js';
import { stream } from '../stream.js';

const KEPT = 200;
const TONES = { served: 'good', broken: 'bad', unread: 'bad' };
const FILES = 4;

class Reloads extends HTMLElement {
  #known = new Map();
  #endpoint = '';
  #ends = [];

  connectedCallback() {
    this.#list = h('ol', { class: 'timeline' });
    this.#none = h('p', { class: 'empty' }, 'No save yet. Save a file of the project to see what changed, and where the time went.');
    this.#filter = h('select', { 'aria-label': 'Endpoint', onchange: () => {
      const named = this.#filter.value;
      location.hash = named ? `#/reloads?endpoint=${encodeURIComponent(named)}` : '#/reloads';
    } });
    replace(this, h('div', { class: 'toolbar' }, h('h1', null, 'Reloads'), this.#filter), this.#list, this.#none);
    this.#ends = [
      stream.on('reloads', ({ reload }) => { this.#take([reload]); }),
      stream.on('hello', () => this.#read()),
      store.subscribe(() => this.#options()),
    ];
    this.#options();
    this.#read();
  }

  disconnectedCallback() {
    for (const end of this.#ends) end();
  }

  route(params) {
    this.#endpoint = params.get('endpoint') ?? '';
    this.#options();
    this.#draw();
  }

  #list;
  #none;
  #filter;
  #offered = '';

  #options() {
    const names = [...new Set(store.endpoints.map((each) => each.endpoint))].sort();
    const offered = JSON.stringify([names, this.#endpoint]);
    if (offered === this.#offered) return;
    this.#offered = offered;
    if (this.#endpoint && !names.includes(this.#endpoint)) names.push(this.#endpoint);
    replace(this.#filter, h('option', { value: '' }, 'all endpoints'),
      names.map((name) => h('option', { value: name, selected: name === this.#endpoint }, name)));
  }

  async #read() {
    try {
      const { reloads } = await get('/api/reloads');
      this.#known.clear();
      this.#take(reloads);
    } catch { /* the banner says it */ }
  }

  #take(reloads) {
    for (const each of reloads) this.#known.set(each.id, each);
    while (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value);
    this.#draw();
  }

  #draw() {
    const shown = [...this.#known.values()].filter((each) => !this.#endpoint || !each.endpoint || each.endpoint === this.#endpoint);
    const many = new Set(store.endpoints.map((one) => one.version)).size > 1;
    kept(this.#list, shown.reverse().map((each) => [each, many]), ([each]) => this.#entry(each, many));
    this.#none.hidden = shown.length > 0;
  }

  #entry(each, many) {
    const whose = each.endpoint ? [h('strong', null, each.endpoint), many ? h('span', { class: 'soft' }, each.version) : null] : h('strong', null, 'the project');
    return h('li', { class: TONES[each.outcome] },
      h('time', { datetime: new Date(each.time * 1000).toISOString() }, clock(each.time)),
      h('div', { class: 'card' },
        h('div', { class: 'toolbar' },
          h('span', { class: `pill ${TONES[each.outcome]}` }, each.outcome === 'served' ? `live in ${seconds(each.seconds)}` : each.outcome === 'unread' ? 'not read' : 'broken'),
          whose, each.revision ? revision(each.revision) : null,
          each.strategy ? h('span', { class: 'soft' }, each.strategy, each.replicas > 1 ? `, ${each.replicas} replicas` : '') : null),
        this.#changed(each),
        phases(each.phases),
        each.comparison ? h('p', { class: each.differs.length ? 'warn' : 'good' }, each.comparison) : null,
        each.differs.length ? h('ul', { class: 'differs' }, each.differs.map((line) => h('li', null, h('code', null, line)))) : null,
        each.error ? h('div', { class: 'why' }, troubles(each.error)) : null));
  }

  #changed(each) {
    if (!each.changed.length) return each.outcome === 'served' ? h('p', { class: 'soft' }, 'restarted, nothing was saved') : null;
    const files = each.changed.map((file) => h('code', null, file));
    const rest = files.splice(FILES);
    return h('div', { class: 'changed' }, files,
      rest.length ? h('details', null, h('summary', null, `${rest.length} more`), rest) : null);
  }
}

customElements.define('vh-reloads', Reloads);
