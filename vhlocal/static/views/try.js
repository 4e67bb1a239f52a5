// Try it: a request to an endpoint, and its answer.

import { ask, get, post } from '../api.js';
import { ago, ask as askPerson, bytes, clock, copyButton, h, replace, seconds, troubles } from '../dom.js';
import { store } from '../store.js';
import { Answer, Body, facts, headers as headersTable } from './try-answer.js';
import * as code from './try-code.js';
import { fileField } from './try-files.js';
import { fieldsForm, form } from './try-form.js';
import { fault } from './try-json.js';
import { rows } from './try-rows.js';
import { described, example, operations } from './try-schema.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const BODIES = { none: 'None', json: 'JSON', text: 'Text', form: 'Form', file: 'File' };
const TYPES = { json: 'application/json', text: 'text/plain; charset=utf-8' };
const WITHOUT_BODY = ['GET', 'HEAD'];

/** What is kept of past requests in this tab: so many, and so many letters of a body. */
const HISTORY = 'vhlocal-try';
const MOST = 50;
const LONGEST = 20_000;

/** The largest body that becomes a smoke test. */
const SMOKE = 8 * 1024 * 1024;

/** The request and the answer on the page: they stay while other views are looked at. */
let page = null;

const NOT_IN_PATH = /[^\w%/:=&~+!$,;'@()*[\].|-]/gu;
const NOT_IN_QUERY = /[^\w%/:=&?~+!$,;@()*[\].|-]/gu;
/** As `encodeURIComponent`, with what URLs of the web have encoded too, and with no half of a letter. */
const part = (text) => encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')).replaceAll("'", '%27');
const encoded = (text, pattern) => text.replace(pattern, part);

class Page {
  #stop = null;
  #timer = 0;
  #loading = null;
  #operations = [];
  #drawn = null;
  #names = '';
  #named = null;

  constructor() {
    const changed = () => this.#changed();
    const chosen = () => { this.absent.hidden = true; this.#chosen(); };
    this.under = h('select', { id: 'try-under', onchange: chosen });
    this.endpoint = h('select', { id: 'try-endpoint', onchange: chosen });
    this.absent = h('p', { class: 'warn', role: 'status', hidden: true });
    this.state = h('span', { class: 'state' });
    this.route = h('select', { id: 'try-route', onchange: () => this.#take(this.#operations[Number(this.route.value)]) });
    this.routes = h('label', { class: 'field wide', hidden: true }, h('span', null, "Route, from the app's own schema"), this.route);
    this.method = h('select', { 'aria-label': 'Method', onchange: changed }, METHODS.map((each) => h('option', { value: each }, each)));
    this.prefix = h('span', { class: 'prefix mono' });
    this.path = h('input', { class: 'mono', 'aria-label': 'Path below the endpoint, and query', placeholder: '/path?query', spellcheck: 'false', autocapitalize: 'off', oninput: changed });
    this.parts = h('div', { class: 'parts' });
    this.query = rows({ what: 'Query parameter', changed });
    this.fields = rows({ what: 'Header', changed });
    this.notes = h('p', { class: 'warn', role: 'status', hidden: true });
    this.kinds = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'Body' },
      Object.entries(BODIES).map(([value, label]) => h('label', null,
        h('input', { type: 'radio', name: 'try-body', value, checked: value === 'none', onchange: () => { this.#show(); changed(); } }), h('span', null, label))));
    this.json = h('textarea', { 'aria-label': 'JSON body', rows: 8, spellcheck: 'false', 'aria-describedby': 'try-fault', oninput: () => { this.#check(); changed(); } });
    this.jsonFault = h('p', { id: 'try-fault', class: 'fault', role: 'status' });
    this.drawing = h('div', { class: 'drawn' });
    this.asForm = h('button', { class: 'button small', type: 'button', onclick: () => this.#draw(this.drawing.hidden) });
    this.tidy = h('button', { class: 'button small', type: 'button', onclick: () => this.#tidy() }, 'Tidy up');
    this.text = h('textarea', { 'aria-label': 'Text body', rows: 8, spellcheck: 'false', oninput: changed });
    this.rows = rows({ what: 'Field', files: true, changed });
    this.file = fileField({ label: 'File to send as the body', changed });
    this.bodies = {
      none: h('p', { class: 'soft' }, 'This request has no body.'),
      json: h('div', null, h('div', { class: 'toolbar' }, this.asForm, this.tidy), this.drawing, this.json, this.jsonFault),
      text: this.text,
      form: h('div', null, this.rows.node),
      file: this.file.node,
    };
    this.fieldsDrawn = h('div', { class: 'drawn' });
    this.bodies.form.prepend(this.fieldsDrawn);
    this.send = h('button', { class: 'button primary', type: 'submit' }, 'Send');
    this.stopper = h('button', { class: 'button danger', type: 'button', hidden: true, onclick: () => this.#stop?.abort() }, 'Stop');
    this.hint = h('p', { class: 'hint', hidden: true });
    this.offer = h('p', { class: 'soft', hidden: true });
    const field = (label, control) => h('label', { class: 'field' }, h('span', null, label), control);
    this.queryPart = h('details', null, h('summary', null, 'Query ', this.queryCount = h('span', { class: 'soft' })), this.query.node);
    this.fieldsPart = h('details', null, h('summary', null, 'Headers ', this.fieldsCount = h('span', { class: 'soft' })), this.fields.node, this.notes);
    this.asking = h('form', { class: 'card asking', 'aria-label': 'Request', novalidate: true },
      h('div', { class: 'where' }, field('Version or alias', this.under), field('Endpoint', this.endpoint), this.state),
      this.routes,
      h('div', { class: 'line' }, this.method, h('div', { class: 'target' }, this.prefix, this.path), this.send, this.stopper),
      this.absent, this.hint, this.offer, this.parts, this.queryPart, this.fieldsPart,
      h('div', { class: 'body-part' }, h('div', { class: 'toolbar' }, h('h2', null, 'Body'), this.kinds), Object.values(this.bodies)),
      h('div', { class: 'toolbar copies' }, h('span', { class: 'soft' }, 'Copy as'),
        [['curl', code.curl], ['Python', code.python], ['.http', code.http]].map(([label, make]) => this.#copier(label, make))));
    this.asking.addEventListener('submit', (event) => { event.preventDefault(); this.#send(); });
    this.facts = h('div', { class: 'facts' });
    this.spoken = h('p', { class: 'visually-hidden', role: 'status' });
    this.acts = h('div', { class: 'toolbar' });
    this.trouble = h('div', { class: 'trouble', role: 'alert', hidden: true });
    this.body = new Body();
    this.heads = h('details', { hidden: true }, h('summary', null, 'Headers'), h('div'));
    this.answering = h('section', { class: 'card answering', 'aria-label': 'Answer' }, h('h2', null, 'Answer'),
      this.facts, this.spoken, this.trouble, this.acts, this.body.node, this.heads);
    replace(this.facts, h('span', { class: 'soft' }, 'Nothing sent yet. Ctrl+Enter sends.'));
    this.past = h('ol', { class: 'past' });
    this.pastPart = h('section', { class: 'card', 'aria-label': 'History' }, h('div', { class: 'toolbar' }, h('h2', null, 'History'),
      h('button', { class: 'button small quiet', type: 'button', onclick: () => { keep([]); this.#list(); } }, 'Forget')), this.past);
    this.node = h('div', { class: 'columns' }, this.asking, h('div', null, this.answering, this.pastPart));
    this.#show();
    this.#check();
    this.#list();
    this.known();
  }

  // What is served.

  /** Take in what is known of the run by now. */
  known() {
    const names = store.versions.flatMap((each) => [each.version, ...each.aliases]);
    const under = this.under.value;
    const version = () => store.versions.find((each) => each.version === this.under.value || each.aliases.includes(this.under.value));
    const told = JSON.stringify([store.versions, [...new Set(store.endpoints.map((each) => `${each.version} ${each.endpoint}`))]]);
    if (told !== this.#names) {
      this.#names = told;
      replace(this.under, store.versions.map((each) => [each.version, ...each.aliases].map((name) =>
        h('option', { value: name }, name === each.version ? name : `${name} → ${each.version}`))));
      if (names.includes(under)) this.under.value = under;
      const endpoint = this.endpoint.value;
      const there = [...new Set(store.endpoints.filter((each) => each.version === version()?.version).map((each) => each.endpoint))];
      replace(this.endpoint, there.map((each) => h('option', { value: each }, each)));
      if (there.includes(endpoint)) this.endpoint.value = endpoint;
      this.#chosen();
    }
    const statuses = store.endpoints.filter((each) => each.version === version()?.version && each.endpoint === this.endpoint.value);
    const ready = statuses.some((each) => each.state === 'ready');
    replace(this.state, statuses.length ? h('span', { class: `pill ${ready ? 'good' : 'warn'}`, title: statuses[0].reason || null }, ready ? 'ready' : statuses[0].state) : null);
    if (ready && !this.#ready) this.#load();
    this.#ready = ready;
    if (this.#named && store.run) this.#choose(...this.#named);
  }

  /** Choose what a link or an earlier request names: now, or as soon as it is known what is served. */
  #choose(under, endpoint) {
    this.#named = store.run ? null : [under, endpoint];
    this.absent.hidden = true;
    if (this.#named) return;
    this.known();
    const absent = [];
    for (const [node, name] of [[this.under, under], [this.endpoint, endpoint]]) {
      if (name === null || name === undefined) continue;
      if ([...node.options].some((each) => each.value === name)) node.value = name;
      else absent.push(name);
      this.#chosen();
    }
    this.absent.hidden = !absent.length;
    this.absent.textContent = absent.length ? `${absent.join(' and ')} ${absent.length > 1 ? 'are' : 'is'} not served: choose another one.` : '';
  }

  #ready = false;

  #chosen() {
    const version = store.versions.find((each) => each.version === this.under.value || each.aliases.includes(this.under.value));
    if (version) {
      const there = [...new Set(store.endpoints.filter((each) => each.version === version.version).map((each) => each.endpoint))];
      if (there.join('\n') !== [...this.endpoint.options].map((each) => each.value).join('\n')) {
        const before = this.endpoint.value;
        replace(this.endpoint, there.map((each) => h('option', { value: each }, each)));
        if (there.includes(before)) this.endpoint.value = before;
      }
    }
    const segments = version ? [version.owner, version.project, version.deployment, this.under.value, this.endpoint.value] : [];
    this.served = segments.map((each) => `/${encodeURIComponent(each)}`).join('');
    this.prefix.textContent = version ? `…/${this.under.value}/${this.endpoint.value}` : '';
    this.prefix.title = this.served;
    this.#load();
    this.#changed();
  }

  async #load() {
    this.#loading?.abort();
    const loading = this.#loading = new AbortController();
    let found = null;
    let call = null;
    if (this.endpoint.value) {
      const query = new URLSearchParams({ endpoint: this.endpoint.value, version: this.under.value });
      try { ({ schema: found, call } = await get(`/api/schema?${query}`, loading.signal)); } catch { /* there is none to draw from */ }
    }
    if (loading.signal.aborted) return;
    this.schema = found;
    this.#operations = found ? operations(found, this.served) : [];
    const chosen = this.route.selectedOptions[0]?.textContent;
    replace(this.route, h('option', { value: '' }, 'any'), this.#operations.map((each, index) => h('option', { value: String(index) }, `${each.method} ${each.path}${each.summary ? ` · ${each.summary}` : ''}`)));
    const same = [...this.route.options].findIndex((each) => each.textContent === chosen);
    this.route.selectedIndex = Math.max(0, same);
    this.routes.hidden = !this.#operations.length;
    if (same <= 0) this.#forget();
    const offered = this.#operations.length ? null : call;
    this.offer.hidden = !offered;
    if (offered) {
      replace(this.offer, 'The code has a route for ',
        h('button', { class: 'button small', type: 'button', onclick: () => this.#fillIn(offered) }, `${offered.method} ${offered.target || 'its URL'}`));
    }
  }

  /** Fill in a request that was found in the app's code. */
  #fillIn(call) {
    this.method.value = call.method;
    this.path.value = call.target;
    if (call.body) this.json.value = JSON.stringify(JSON.parse(call.body), null, 2);
    this.#kind(call.body ? 'json' : 'none');
    this.#check();
    this.#changed();
  }

  // Forms from the app's own schema.

  /** Fill the request in for a route of the schema. */
  #take(operation) {
    this.#forget();
    if (!operation) return;
    this.method.value = METHODS.includes(operation.method) ? operation.method : 'GET';
    const changed = () => this.#changed();
    const made = operation.parameters.filter((each) => ['path', 'query', 'header'].includes(each.in)).slice(0, 100).map((each) => ({
      ...each,
      form: form(this.schema, each.schema ?? {}, { name: each.name, required: each.required === true || each.in === 'path', changed }),
    }));
    this.#drawn = { operation, parameters: made, body: null };
    replace(this.parts, made.map((each) => each.form.node));
    this.path.value = made.some((each) => each.in === 'path') ? operation.path : operation.path === '/' ? '' : operation.path;
    const { body } = operation;
    if (!body) this.#kind('none');
    else if (body.media.endsWith('json')) {
      this.#kind('json');
      this.json.value = JSON.stringify(body.example ?? example(this.schema, body.node), null, 2);
      const drawable = described(this.schema, body.node).kind === 'object';
      this.#drawn.body = drawable ? form(this.schema, body.node, { changed: () => this.#fromForm() }) : null;
      this.#drawn.body?.write(JSON.parse(this.json.value));
      if (drawable && body.example === undefined) this.#fromForm();
      this.#draw(drawable);
    } else if (body.media === 'multipart/form-data' || body.media === 'application/x-www-form-urlencoded') {
      this.#kind('form');
      this.#drawn.fields = fieldsForm(this.schema, body.node, changed);
      replace(this.fieldsDrawn, this.#drawn.fields?.node);
      this.#drawn.isUrlencoded = body.media !== 'multipart/form-data';
    } else this.#kind(/^text\//.test(body.media) ? 'text' : 'file');
    this.#check();
    this.#show();
    this.#changed();
  }

  #forget() {
    this.#drawn = null;
    replace(this.parts);
    replace(this.fieldsDrawn);
    this.#draw(false);
  }

  #fromForm() {
    this.json.value = JSON.stringify(this.#drawn.body.read() ?? {}, null, 2);
    this.#check();
    this.#changed();
  }

  #draw(drawn) {
    const body = this.#drawn?.body;
    if (body && drawn && !fault(this.json.value)) body.write(JSON.parse(this.json.value));
    replace(this.drawing, body?.node);
    this.asForm.hidden = !body;
    this.drawing.hidden = !(body && drawn);
    this.json.hidden = Boolean(body && drawn);
    this.tidy.hidden = this.json.hidden;
    this.jsonFault.hidden = this.json.hidden;
    this.asForm.textContent = this.drawing.hidden ? 'As a form' : 'As JSON';
  }

  // Bodies.

  get kind() {
    return this.kinds.querySelector(':checked').value;
  }

  #kind(value) {
    this.kinds.querySelector(`[value=${value}]`).checked = true;
    this.#show();
  }

  #show() {
    for (const [name, node] of Object.entries(this.bodies)) node.hidden = name !== this.kind;
    if (this.kind !== 'none' && WITHOUT_BODY.includes(this.method.value)) this.method.value = 'POST';
    if (this.asForm.textContent === '') this.#draw(false);
  }

  #check() {
    const found = this.json.value.trim() ? fault(this.json.value) : null;
    this.json.setAttribute('aria-invalid', String(found !== null));
    this.jsonFault.textContent = found ? `Line ${found.line}, column ${found.column}: ${found.message}` : '';
  }

  #tidy() {
    if (!this.json.value.trim() || fault(this.json.value)) { this.json.focus(); return; }
    this.json.value = JSON.stringify(JSON.parse(this.json.value), null, 2);
    this.#changed();
  }

  #changed() {
    if (!this.fields) return;
    const count = (entries) => (entries.length ? String(entries.length) : '');
    this.queryCount.textContent = count(this.query.entries);
    this.fieldsCount.textContent = count(this.fields.entries);
    const lost = this.fields.entries.map(([name]) => name).filter((name) => !/^[A-Za-z0-9-]+$/.test(name) || /^(x-forwarded-|x-(vh-prefix|request-id|real-ip|scheme)$|script-name$|path-info$|proxy$)/i.test(name));
    this.notes.hidden = !lost.length;
    this.notes.textContent = lost.length ? `${lost.join(', ')} does not reach your server: production\'s ingress drops or replaces it.` : '';
    const bodiless = WITHOUT_BODY.includes(this.method.value) && this.kind !== 'none';
    this.hint.hidden = !bodiless;
    this.hint.textContent = bodiless ? `Browsers send no body with ${this.method.value}: it is left out. \`vhlocal call\` sends it.`.replaceAll('`', '') : '';
  }

  // The request.

  /** The request as it stands: `{method, target, url, endpoint, headers, body}`; see try-code.js. */
  request() {
    const parameters = this.#drawn?.parameters ?? [];
    const values = (where) => parameters.filter((each) => each.in === where).flatMap((each) => {
      const value = each.form.read();
      if (value === undefined) return [];
      return (Array.isArray(value) ? value : [value]).map((one) => [each.name, typeof one === 'string' ? one : JSON.stringify(one)]);
    });
    let [path, ...rest] = this.path.value.split('?');
    for (const name of new Set(values('path').map(([each]) => each))) {
      path = path.replaceAll(`{${name}}`, () => values('path').filter(([each]) => each === name).map(([, value]) => part(value)).join(','));
    }
    if (path && !path.startsWith('/')) path = `/${path}`;
    const pairs = [...values('query'), ...this.query.entries].map(([name, value]) => `${part(name)}=${part(value)}`);
    const query = [rest.length ? encoded(rest.join('?'), NOT_IN_QUERY) : null, ...pairs].filter((each) => each !== null);
    const target = `${this.served}${encoded(path, NOT_IN_PATH)}${query.length ? `?${query.join('&')}` : ''}`;
    const headers = [...values('header'), ...this.fields.entries];
    const body = WITHOUT_BODY.includes(this.method.value) ? null : this.#body();
    const has = headers.some(([name]) => name.toLowerCase() === 'content-type');
    const type = body === null || body.entries ? null : body.urlencoded ? 'application/x-www-form-urlencoded' : this.kind === 'file' ? body.file.type || 'application/octet-stream' : TYPES[this.kind];
    if (type && !has) headers.unshift(['Content-Type', type]);
    const base = store.run?.url ?? '';
    return { method: this.method.value, target, url: base + target, endpoint: base + this.served, headers, body };
  }

  /** Ask for what the path has a place for and nobody has filled in; whether it is all there. */
  #isComplete() {
    const isEmpty = (value) => value === undefined || value === null || value === '' || (Array.isArray(value) && !value.length);
    const empty = (this.#drawn?.parameters ?? []).filter((each) => each.in === 'path' && this.path.value.includes(`{${each.name}}`) && isEmpty(each.form.read()));
    if (!empty.length) return true;
    this.#reset();
    this.#fail({ message: `The path needs ${empty.map(({ name }) => `\`${name}\``).join(', ')}`, hint: 'fill in the empty fields: without them, the request would go to another path' });
    empty[0].form.node.querySelector('input, select, textarea, button')?.focus();
    return false;
  }

  #body() {
    if (this.kind === 'json') return { text: this.json.value };
    if (this.kind === 'text') return { text: this.text.value };
    if (this.kind === 'file') return this.file.files.length ? { file: this.file.files[0] } : null;
    if (this.kind === 'form') {
      const entries = [...(this.#drawn?.fields?.entries() ?? []), ...this.rows.entries];
      if (!this.#drawn?.isUrlencoded) return { entries };
      return { text: new URLSearchParams(entries.map(([name, value]) => [name, typeof value === 'string' ? value : value.name])).toString(), urlencoded: true };
    }
    return null;
  }

  #copier(label, make) {
    const button = h('button', { class: 'button small', type: 'button' }, label);
    button.addEventListener('click', () => {
      if (!this.#isComplete()) return;
      const text = make(this.request());
      const copier = copyButton(text, label);
      button.replaceWith(copier);
      copier.click();
      setTimeout(() => copier.replaceWith(button), 1500);
    });
    return button;
  }

  async #send() {
    this.#stop?.abort();
    if (!this.#isComplete()) return;
    const stop = this.#stop = new AbortController();
    const request = this.request();
    this.#reset();
    const address = `/api/call${request.target}`;
    const resolved = new URL(address, location.href);
    if (resolved.pathname + resolved.search !== address) {
      this.#fail({ message: 'A browser would resolve `..` in this path and request another one', hint: 'write the path out; `vhlocal call` sends it unchanged' });
      return;
    }
    const began = performance.now();
    const took = () => (performance.now() - began) / 1000;
    this.#busy(true, took);
    let answer = null;
    try {
      const said = await ask(address, { method: request.method, headers: { 'X-VHLocal-Headers': inAscii(request.headers) }, body: content(request.body), signal: stop.signal });
      const told = said.headers.get('X-VHLocal-Answer');
      if (told === null) {
        const facts_ = await said.json().catch(() => ({}));
        throw Object.assign(new Error(facts_.error ?? `the run answered ${said.status}`), { hint: facts_.hint, known: true });
      }
      answer = new Answer(JSON.parse(told));
      this.#head(answer, null);
      if (this.answering.offsetTop >= this.asking.offsetTop + this.asking.offsetHeight) this.answering.scrollIntoView();
      await this.#follow(answer, said.body, stop.signal);
    } catch (error) {
      if (answer) answer.brokeOff = error.name === 'AbortError' ? 'It was stopped' : 'The answer broke off';
      else if (error.name === 'AbortError') this.#fail({ message: 'It was stopped before an answer came' });
      else this.#fail(error.known ? error : { message: 'The run does not answer', hint: 'start it again with `vhlocal up`' });
    }
    if (this.#stop === stop) this.#busy(false);
    if (answer && this.#stop === stop) this.#ended(answer, request, took());
  }

  async #follow(answer, body, signal) {
    let due = false;
    const draw = () => {
      due = false;
      if (answer.whole || signal.aborted || this.#stop?.signal !== signal) return;
      this.body.coming(answer);
      this.#head(answer, null);
    };
    await answer.read(body, () => {
      if (!due) { due = true; requestAnimationFrame(draw); }
    });
  }

  #busy(busy, took) {
    clearInterval(this.#timer);
    this.stopper.hidden = !busy;
    this.send.hidden = busy;
    this.answering.setAttribute('aria-busy', String(busy));
    if (!busy) return;
    const waiting = h('span', null, 'Waiting…');
    replace(this.facts, waiting);
    this.#timer = setInterval(() => { waiting.textContent = `Waiting… ${seconds(took())}`; }, 100);
  }

  #reset() {
    this.#busy(false);
    this.body.clear();
    this.trouble.hidden = true;
    this.heads.hidden = true;
    replace(this.acts);
    replace(this.facts);
  }

  #fail(error) {
    this.trouble.hidden = false;
    replace(this.facts);
    replace(this.trouble, troubles(error));
  }

  #head(answer, took) {
    clearInterval(this.#timer);
    replace(this.facts, facts(answer, took));
    if (!this.heads.hidden && took === null) return;
    this.heads.hidden = false;
    replace(this.heads.lastElementChild, headersTable(answer));
  }

  #ended(answer, request, took) {
    this.#head(answer, took);
    this.spoken.textContent = `${answer.head.status} ${answer.head.reason}, ${bytes(answer.length)}`;
    this.body.ended(answer);
    const location_ = answer.header('location');
    const acts = [];
    if (answer.length) acts.push(h('button', { class: 'button small', type: 'button', onclick: () => save(answer, request) }, `Download ${bytes(answer.length)}`));
    if (answer.length && answer.text !== null) acts.push(copyButton(answer.text, 'Copy body'));
    if (!answer.brokeOff) acts.push(h('button', { class: 'button small', type: 'button', onclick: () => this.#keep(answer, request) }, 'Save as smoke test'));
    if (location_ && answer.head.status >= 300 && answer.head.status < 400) acts.push(this.#leads(location_, request, answer));
    if (answer.head.status === 401 && /^basic\b/i.test(answer.header('www-authenticate') ?? '')) acts.push(this.#letIn());
    replace(this.acts, acts);
    const names = request.body?.entries?.map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, LONGEST) : { file: value.name }]);
    keep([{
      time: Date.now() / 1000,
      under: this.under.value,
      endpoint: this.endpoint.value,
      method: request.method,
      path: request.target.slice(this.served.length),
      headers: request.headers.filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)),
      kind: request.body ? this.kind : 'none',
      text: request.body?.text?.slice(0, LONGEST),
      cut: (request.body?.text?.length ?? 0) > LONGEST,
      entries: names,
      file: request.body?.file?.name,
      status: answer.head.status,
      seconds: took,
    }, ...kept()]);
    this.#list();
  }

  #leads(location_, request, answer) {
    const there = new URL(location_, `${store.run.url}${request.target}`);
    const inside = there.origin === new URL(store.run.url).origin && there.pathname.startsWith(`${this.served}/`);
    if (!inside) return h('span', { class: 'warn' }, `It leads outside the endpoint, to ${location_}`);
    return h('button', {
      class: 'button small',
      type: 'button',
      onclick: () => {
        this.#forget();
        this.path.value = there.pathname.slice(this.served.length) + there.search;
        this.query.write([]);
        if (![307, 308].includes(answer.head.status) && request.method !== 'HEAD') { this.method.value = 'GET'; this.#kind('none'); }
        this.#send();
      },
    }, `Follow to ${location_}`);
  }

  #letIn() {
    return h('button', {
      class: 'button small',
      type: 'button',
      onclick: async () => {
        await askPerson({
          title: 'This run requires a user name and password',
          action: 'Send again',
          body: [
            h('label', { class: 'field' }, h('span', null, 'User'), h('input', { name: 'user', autocomplete: 'username' })),
            h('label', { class: 'field' }, h('span', null, 'Password'), h('input', { name: 'password', type: 'password', autocomplete: 'current-password' })),
          ],
          act: ({ user, password }) => {
            const words = btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)));
            const others = this.fields.entries.filter(([name]) => name.toLowerCase() !== 'authorization');
            this.fields.write([...others, ['Authorization', `Basic ${words}`]]);
            this.#changed();
            this.#send();
          },
        });
      },
    }, 'Enter a user name and password');
  }

  // Smoke tests.

  async #keep(answer, request) {
    const sent = await bodyOf(request);
    if (sent.content.size > SMOKE) { this.#fail({ message: `A body of ${bytes(sent.content.size)} is too large for a smoke test` }); return; }
    const facts_ = {
      endpoint: this.endpoint.value,
      request: { method: request.method, target: request.target, headers: sent.headers, body: await base64(sent.content) },
      answer: { status: answer.head.status, headers: answer.head.headers, body: answer.length <= SMOKE ? await base64(answer.blob()) : null, length: answer.length },
    };
    const there = h('p', { class: 'warn', hidden: true });
    const how = h('label', { class: 'field', hidden: true }, h('span', null, 'What to do'),
      h('select', { name: 'how' }, h('option', { value: '' }, 'Ask'), h('option', { value: 'add' }, 'Add to it'), h('option', { value: 'replace' }, 'Replace it')));
    const said = await askPerson({
      title: 'Save as a smoke test',
      action: 'Save',
      body: [
        h('p', { class: 'soft' }, '`vhlocal test` sends it again, and expects this answer. Credentials are left out.'.replaceAll('`', '')),
        h('label', { class: 'field' }, h('span', null, 'Name'), h('input', { name: 'name', value: this.endpoint.value, required: true, pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]{0,99}', title: 'letters, digits, dots and dashes', oninput: () => { there.hidden = true; how.hidden = true; how.lastElementChild.value = ''; } })),
        there, how,
      ],
      act: async ({ name, how: wanted }) => {
        const told = await post('/api/smoke-tests', { ...facts_, name, how: wanted ?? '' });
        if (told.written) return told.written;
        there.hidden = false;
        there.textContent = `${told.exists} already exists.`;
        how.hidden = false;
        how.lastElementChild.value = 'add';
        how.lastElementChild.focus();
        throw Object.assign(new Error('Choose what to do with it, and save again'), {});
      },
    });
    if (typeof said === 'string') this.acts.append(h('span', { class: 'good', role: 'status' }, `Written to ${said}`));
  }

  // What was sent before.

  #list() {
    const all = kept();
    this.pastPart.hidden = !all.length;
    replace(this.past, all.map((one) => h('li', null, h('button', { class: 'button quiet', type: 'button', onclick: () => this.fill(one) },
      h('span', { class: one.status < 400 ? 'good' : 'bad' }, String(one.status)),
      h('span', { class: 'mono' }, `${one.method} ${one.under}/${one.endpoint}${one.path}`),
      h('span', { class: 'soft', title: clock(one.time) }, `${seconds(one.seconds)} · ${ago(one.time)}`)))));
  }

  /** Send on Ctrl+Enter, wherever the focus is; in a dialog it is that one's, and a link opens a tab. */
  key(event) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.target.closest('dialog, a')) return;
    event.preventDefault();
    this.#send();
  }

  /** Fill in a request that was sent before, as far as it was kept. */
  fill(one) {
    this.#forget();
    this.route.value = '';
    this.#choose(one.under, one.endpoint);
    this.method.value = METHODS.includes(one.method) ? one.method : 'GET';
    this.path.value = one.path ?? '';
    this.query.write([]);
    this.fields.write((one.headers ?? []).filter(([name, value]) => !(name === 'Content-Type' && value === TYPES[one.kind])));
    if (one.kind === 'json') this.json.value = one.text ?? '';
    if (one.kind === 'text' || (one.kind === 'form' && one.text !== undefined)) this.text.value = one.text ?? '';
    if (one.kind === 'form') this.rows.write((one.entries ?? []).map(([name, value]) => (typeof value === 'string' ? [name, value] : [name, []])));
    this.#kind(one.kind === 'form' && one.text !== undefined ? 'text' : one.kind ?? 'none');
    this.#check();
    this.#changed();
    const files = [...(one.entries ?? []).filter(([, value]) => typeof value !== 'string').map(([, value]) => value.file), ...(one.file ? [one.file] : [])];
    if (files.length || one.cut) {
      this.hint.hidden = false;
      this.hint.textContent = files.length ? `Choose ${files.join(', ')} again: files are not kept.` : 'The body was too long to be kept whole.';
    }
    this.path.focus();
  }

  /** Fill in what the address of the view says. */
  async route_(params) {
    if (params.has('on') || params.has('endpoint')) this.#choose(params.get('on'), params.get('endpoint'));
    if (params.has('path')) this.path.value = params.get('path');
    if (METHODS.includes(params.get('method'))) { this.method.value = params.get('method'); this.#changed(); }
    if (params.has('recording')) await this.#from(params.get('recording'));
  }

  /** Fill in a recorded request, whole. */
  async #from(id) {
    try {
      const [found] = await get(`/api/recordings?${new URLSearchParams({ id, whole: '1' })}`);
      if (!found) throw new Error('that request is no longer recorded');
      const { method, target, headers, body } = found.request;
      const [, , , , under, endpoint] = target.split('?')[0].split('/').map(decodeURIComponent);
      const given = headers.filter(([name]) => !OWN.test(name));
      const type = given.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
      const data = body.content === null ? new Uint8Array(0) : Uint8Array.from(atob(body.content), (letter) => letter.charCodeAt(0));
      let text = null;
      try { text = new TextDecoder('utf-8', { fatal: true }).decode(data); } catch { /* it is a file's */ }
      const kind = !data.length ? 'none' : text === null ? 'file' : /json/.test(type) ? 'json' : 'text';
      this.fill({ under, endpoint, method, path: target.slice(target.split('/').slice(0, 6).join('/').length), headers: given, kind, text: text ?? undefined });
      if (kind === 'file') this.file.take([new File([data], 'body', { type })]);
      if (body.content === null && body.length) { this.hint.hidden = false; this.hint.textContent = `The body of ${bytes(body.length)} was not kept.`; }
    } catch (error) {
      this.#fail(error);
    }
  }
}

/** Headers of a recorded request that are its connection's, its client's or the ingress'. */
const OWN = /^(host|content-length|connection|transfer-encoding|te|upgrade|keep-alive|expect|user-agent|accept-encoding|x-forwarded-.*|x-real-ip|x-request-id|x-scheme|x-vh-prefix|sec-.*|cookie)$/i;

function inAscii(value) {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A body for `fetch`: a form gets its type, with its boundary, from the browser. */
function content(body) {
  if (body === null) return undefined;
  if (body.file) return body.file;
  if (!body.entries) return new Blob([body.text]);
  const data = new FormData();
  for (const [name, value] of body.entries) data.append(name, value);
  return data;
}

/** A request's body as bytes, and its headers with what the browser writes of a form. */
async function bodyOf({ headers, body }) {
  const answer = new Response(content(body) ?? '');
  const type = body?.entries ? [['Content-Type', answer.headers.get('Content-Type')]] : [];
  return { headers: [...headers, ...type], content: await answer.blob() };
}

async function base64(blob) {
  const data = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return btoa(text);
}

function save(answer, request) {
  const url = URL.createObjectURL(answer.blob());
  const last = request.target.split('?')[0].split('/').filter(Boolean).at(-1) ?? 'answer';
  const endings = { 'application/json': '.json', 'text/csv': '.csv', 'text/plain': '.txt', 'image/png': '.png', 'image/jpeg': '.jpg', 'audio/wav': '.wav' };
  const ending = endings[answer.type] ?? '';
  const link = h('a', { download: last.endsWith(ending) ? last : last + ending });
  link.href = url;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function kept() {
  try { return JSON.parse(sessionStorage.getItem(HISTORY) ?? '[]'); } catch { return []; }
}

function keep(all) {
  for (let most = MOST; most >= 0; most = most > 1 ? Math.floor(most / 2) : most - 1) {
    try {
      sessionStorage.setItem(HISTORY, JSON.stringify(all.slice(0, most)));
      return;
    } catch { /* the browser has no room for so many */ }
  }
}

class TryIt extends HTMLElement {
  static kinds = [];
  #unsubscribe = null;
  #key = (event) => page.key(event);

  connectedCallback() {
    page ??= new Page();
    replace(this, h('h1', { class: 'visually-hidden' }, 'Try it'), page.node);
    page.known();
    this.#unsubscribe = store.subscribe(() => page.known());
    document.addEventListener('keydown', this.#key);
  }

  disconnectedCallback() {
    this.#unsubscribe?.();
    document.removeEventListener('keydown', this.#key);
  }

  route(params) {
    page.route_(params);
  }
}

customElements.define('vh-try', TryIt);
