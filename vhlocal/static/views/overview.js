// Versions, their endpoints, aliases and replicas as they are at this moment, and what can be done with them.

import { ask as fetched, get, post, remove } from '../api.js';
import { ask, bytes, copyButton, h, kept, keyed, prose, replace, seconds, whenNew } from '../dom.js';
import { actor, curve, finding, memoryText, phases, revision, statePill, trouble } from '../parts.js';
import { keyOf, store } from '../store.js';
import { stream } from '../stream.js';

const under = (url) => url.split('/').at(-2);
const whole = (number) => (number >= 10 || number === 0 ? String(Math.round(number)) : number.toFixed(1));

/** How long the last start took; where the time went is asked for once somebody wants to know. */
function start({ endpoint, version, replica, ready_seconds: took }) {
  if (took === null) return null;
  const inside = h('div');
  const fill = async () => {
    try {
      const [told] = (await get(`/api/profile?${new URLSearchParams({ endpoint, version, replica })}`)).endpoints;
      replace(inside, phases(told.phases), imports(told.imports));
    } catch (error) { replace(inside, h('p', { class: 'bad' }, error.message)); }
  };
  return h('details', { ontoggle: (event) => event.target.open && fill() },
    h('summary', { class: 'soft' }, `started in ${seconds(took)}`), inside);
}

/** The slowest imports of a start, each with all that it imports. */
function imports(measured) {
  if (!measured) return h('p', { class: 'soft' }, 'Its imports are measured with ', h('code', null, 'vhlocal up --profile'), '.');
  const slowest = [...measured].sort((one, other) => other.cumulative_seconds - one.cumulative_seconds).slice(0, 10);
  return h('table', { class: 'table' },
    h('tr', null, ['Slowest imports', 'with all', 'by itself'].map((each) => h('th', null, each))),
    slowest.map((each) => h('tr', null, h('td', null, h('code', null, each.module), each.project ? ' (yours)' : null),
      h('td', null, seconds(each.cumulative_seconds)), h('td', null, seconds(each.self_seconds)))));
}

/** A field of a dialog. */
const field = (label, input, small) => h('label', { class: 'field' }, h('span', null, label), input, small ? h('small', null, small) : null);

// What can be done.

function restart(endpoint, version) {
  return ask({
    title: `Restart ${endpoint}?`,
    body: h('p', null, 'This starts new servers with the same code. The old ones serve until the new ones answer, then they end and lose what they hold in memory.'),
    action: 'Restart',
    act: () => post('/api/restart', { endpoint, version }),
  });
}

function scale(endpoint, version, now) {
  return ask({
    title: `Scale ${endpoint}`,
    body: field('Replicas', h('input', { name: 'replicas', value: String(now), required: true, pattern: '\\d+(-\\d+)?', autofocus: true }),
      'A number, or a range such as 1-4 within which the number follows the load. Replicas that are removed answer their requests first.'),
    action: 'Scale',
    act: ({ replicas }) => post('/api/replicas', { endpoint, version, replicas }),
  });
}

async function moveAlias(alias, from) {
  const { moves } = await get('/api/aliases').catch(() => ({ moves: [] }));
  const moved = moves.some((move) => move.alias === alias);
  const others = store.versions.filter((version) => version.version !== from);
  return ask({
    title: `Move ${alias}`,
    body: [
      h('p', null, 'It points at ', h('code', null, from), '. Moving it is immediate and restarts nothing.'),
      field('To', h('select', { name: 'to', autofocus: true },
        moved ? h('option', { value: '' }, 'where it pointed before') : null,
        others.map((version) => h('option', { value: version.version }, version.version)))),
      h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'force' }), ' even if an endpoint is no longer served under it'),
    ],
    action: 'Move',
    act: ({ to, force }) => post(`/api/aliases/${encodeURIComponent(alias)}`, to ? { version: to, force: force === 'on' } : { back: true }),
  });
}

function addAlias(version) {
  return ask({
    title: `Add an alias of ${version}`,
    body: field('Alias', h('input', { name: 'alias', required: true, autofocus: true, autocomplete: 'off' }), 'An alias that already exists is moved here.'),
    action: 'Add',
    act: ({ alias }) => post(`/api/aliases/${encodeURIComponent(alias)}`, { version }),
  });
}

function addVersion() {
  return ask({
    title: 'Add a version',
    body: [
      h('p', null, 'The commit is served beside the working tree. It is built first, which may take a while.'),
      field('Commit', h('input', { name: 'ref', required: true, autofocus: true, autocomplete: 'off', placeholder: 'v1.2, main~3, 4f2c9d1' }), 'A tag, a branch or a commit.'),
      field('Name', h('input', { name: 'name', autocomplete: 'off' }), 'Default: today’s date and a number.'),
      field('Aliases', h('input', { name: 'aliases', autocomplete: 'off', placeholder: 'staging, production' }), 'They point at it once it answers.'),
    ],
    action: 'Add',
    act: ({ ref, name, aliases }) => post('/api/versions', { ref, name, aliases: aliases.split(/[\s,]+/).filter(Boolean) }),
  });
}

function removeVersion(version) {
  return ask({
    title: `Remove ${version}?`,
    body: h('p', null, 'It will no longer be served. Requests in flight are answered first.'),
    action: 'Remove',
    danger: true,
    act: () => remove(`/api/versions/${encodeURIComponent(version)}`),
  });
}

function endRun() {
  return ask({
    title: 'Stop the run?',
    body: h('p', null, prose('All servers stop, as with `vhlocal down`. This page waits for the next run.')),
    action: 'Stop the run',
    danger: true,
    act: () => post('/api/down'),
  });
}

async function showCode(url) {
  const place = h('div', { class: 'qr' });
  const shown = ask({ title: 'Open on another device', body: [place, h('p', null, h('a', { href: url }, url))], action: 'Done', act: () => true });
  const answer = await fetched(`/api/qr?url=${encodeURIComponent(url)}`);
  if (answer.ok) place.append(h('img', { src: URL.createObjectURL(await answer.blob()), alt: `QR code of ${url}`, width: '240', height: '240' }));
  return shown;
}

// The parts.

/** Whether an endpoint's own state tells of a finding. */
const tells = (status, found) => status.code === found.code && status.endpoint === found.endpoint && status.reason === found.seen;

/** One endpoint of a version, with its replicas. */
function endpointPart() {
  const head = h('header');
  const about = h('div', { class: 'about' });
  const rate = curve('requests/s');
  const memory = curve('memory');
  const live = h('p', { class: 'soft live' });
  const urls = h('div', { class: 'urls' });
  const actions = h('div', { class: 'toolbar' });
  const code = h('div', { class: 'code-state' });
  const replicas = h('div');
  const node = h('article', { class: 'endpoint card' },
    h('div', { class: 'what' }, head, about, urls, h('div', { class: 'more' }, code, replicas)),
    h('div', { class: 'side' }, h('div', { class: 'curves' }, rate.node, memory.node, live), actions));

  const drawHead = whenNew((name, states, caveat, description, stale) => {
    const ready = states.filter((state) => state === 'ready').length;
    replace(head, h('h3', null, name),
      states.length === 1 || ready === states.length ? statePill(states[0]) : statePill(states.find((state) => state !== 'ready')),
      stale ? h('span', { class: 'pill warn' }, 'older code') : null,
      states.length > 1 ? h('span', { class: 'soft' }, `${ready} of ${states.length} replicas ready`) : null,
      caveat ? h('span', { class: 'warn' }, prose(caveat)) : null);
    replace(about, description ? h('p', { class: 'soft' }, description) : null);
  });
  const drawUrls = whenNew((all, shared, own) => {
    const [first, ...others] = all.length > 1 ? [all[1], ...all.slice(2), all[0]] : all;
    if (!first) { replace(urls); return; }
    const lan = shared ? shared + first.slice(own.length) : null;
    replace(urls,
      h('p', { class: 'url' }, h('a', { href: `${first}/`, target: '_blank', rel: 'noopener noreferrer' }, first), copyButton(first)),
      lan ? h('p', { class: 'url' }, h('span', { class: 'soft' }, 'network'), h('a', { href: `${lan}/`, target: '_blank', rel: 'noopener noreferrer' }, lan), copyButton(lan),
        h('button', { class: 'button small', type: 'button', onclick: () => showCode(`${lan}/`) }, 'QR code')) : null,
      others.length ? h('details', null, h('summary', null, `also as ${others.map(under).join(', ')}`),
        others.map((url) => h('p', { class: 'url' }, h('a', { href: `${url}/`, target: '_blank', rel: 'noopener noreferrer' }, url), copyButton(url)))) : null);
  });
  const drawActions = whenNew((endpoint, version, url, number) => replace(actions,
    url ? h('a', { class: 'button small', href: `${url}/`, target: '_blank', rel: 'noopener noreferrer' }, 'Open') : null,
    actor({ class: 'button small', onclick: () => restart(endpoint, version) }, 'Restart'),
    actor({ class: 'button small', onclick: () => scale(endpoint, version, number) }, 'Scale')));
  const drawCode = whenNew((status, reload, found) => replace(code,
    h('p', { class: 'toolbar' }, h('span', { class: 'soft' }, 'revision'), status.revision ? revision(status.revision) : '–',
      status.broken ? h('span', { class: 'bad' }, status.broken === 'edit' ? 'the last edit' : revision(status.broken), ' is broken') : null,
      status.strategy ? h('span', { class: 'soft' }, `next save: ${status.strategy}`) : null,
      status.restarts ? h('span', { class: 'warn' }, status.restarts === 1 ? 'restarted once' : `restarted ${status.restarts} times`) : null),
    reload ? h('div', { class: 'last' },
      h('p', null, h('a', { href: `#/reloads?endpoint=${encodeURIComponent(status.endpoint)}` }, 'last reload'),
        reload.outcome === 'served' ? ` ${seconds(reload.seconds)}, ${reload.strategy}` : h('span', { class: 'bad' }, ' broken'),
        reload.comparison ? h('span', { class: reload.differs.length ? 'warn' : 'good' }, ` · ${reload.comparison}`) : null),
      phases(reload.phases)) : null,
    start(status),
    status.reason ? trouble(status, found?.edits) : null));

  function update({ statuses, reload }) {
    const [status] = [...statuses].sort((one, other) => (one.state === 'ready') - (other.state === 'ready'));
    const many = new Set(store.endpoints.map((one) => one.version)).size > 1;
    drawHead(status.endpoint, statuses.map((one) => one.state), statuses.map((one) => one.caveat).find(Boolean) ?? '', status.description, Boolean(status.broken));
    drawUrls(status.urls, store.run.shared, store.run.url);
    drawActions(status.endpoint, status.version, status.urls[1] ?? status.urls[0], statuses.length);
    const { since, memory: _, ...lasting } = status;
    drawCode(lasting, reload ?? null, store.findings.find((one) => tells(status, one)) ?? null);
    node.setAttribute('aria-label', many ? `${status.endpoint}, version ${status.version}` : status.endpoint);
    drawLive(statuses);
    drawReplicas(statuses);
  }

  function drawLive(statuses) {
    const past = statuses.map((one) => store.ticks.get(keyOf(one)) ?? []);
    const length = Math.max(0, ...past.map((ticks) => ticks.length));
    const sum = (name) => Array.from({ length }, (_, index) => past.reduce((total, ticks) => total + (ticks[ticks.length - length + index]?.[name] ?? 0), 0));
    const most = (name) => Array.from({ length }, (_, index) => {
      const known = past.map((ticks) => ticks[ticks.length - length + index]?.[name]).filter((one) => one !== null && one !== undefined);
      return known.length ? Math.max(...known) : null;
    });
    const rates = sum('requests');
    const recent = rates.slice(-5);
    const mean = recent.length ? recent.reduce((total, one) => total + one, 0) / recent.length : 0;
    rate.update(rates, { text: length ? whole(mean) : '–' });
    const used = most('memory');
    const limit = statuses.map((one) => one.memory?.limit).find(Boolean) ?? null;
    memory.update(used, { limit, text: memoryText(used.at(-1), limit) + (statuses.length > 1 && used.at(-1) ? ' at most' : '') });
    const last = past.map((ticks) => ticks.at(-1)).filter(Boolean);
    const slow = Math.max(0, ...past.flatMap((ticks) => ticks.slice(-10).map((tick) => tick.p95 ?? 0)));
    const words = [`${last.reduce((total, tick) => total + tick.in_flight, 0)} in flight`];
    if (slow) words.push(`p95 ${seconds(slow)}`);
    const errors = past.flatMap((ticks) => ticks.slice(-60)).reduce((total, tick) => total + tick.errors, 0);
    replace(live, words.join(' · '), errors ? h('span', { class: 'bad' }, ` · ${errors} errors in the last minute`) : null);
  }

  const table = h('table', { class: 'table' });
  function drawReplicas(statuses) {
    if (statuses.length < 2) { replace(replicas); return; }
    if (!table.isConnected) {
      replace(replicas, h('details', null, h('summary', null, 'replicas'), table));
      replace(table, h('thead', null, h('tr', null, ['#', 'state', 'requests/s', 'memory', 'restarts'].map((name) => h('th', { scope: 'col' }, name)))), h('tbody'));
    }
    replace(table.tBodies[0], statuses.map((one) => {
      const tick = (store.ticks.get(keyOf(one)) ?? []).at(-1);
      return h('tr', null, h('td', null, one.replica), h('td', null, statePill(one.state)), h('td', null, tick ? tick.requests : '–'),
        h('td', null, tick ? bytes(tick.memory) : '–'), h('td', null, one.restarts));
    }));
  }

  return { node, update };
}

/** One version with its aliases and endpoints. */
function versionPart() {
  const head = h('header', { class: 'toolbar' });
  const endpoints = h('div', { class: 'endpoints' });
  const node = h('section', { class: 'version' }, head, endpoints);
  const drawHead = whenNew((name, aliases, isFirst) => {
    replace(head, h('h2', null, name),
      isFirst ? h('span', { class: 'pill plain' }, 'working tree') : null,
      h('ul', { class: 'aliases', 'aria-label': `Aliases of ${name}` }, aliases.map((alias) => h('li', null,
        actor({ class: 'button small', 'aria-label': `Move the alias ${alias}`, onclick: () => moveAlias(alias, name) }, alias)))),
      actor({ class: 'button small quiet', onclick: () => addAlias(name) }, '+ alias'),
      isFirst ? null : actor({ class: 'button small danger', onclick: () => removeVersion(name) }, 'Remove'));
    node.setAttribute('aria-label', `Version ${name}`);
  });
  return {
    node,
    update({ version, isFirst, groups }) {
      drawHead(version.version, version.aliases, isFirst);
      keyed(endpoints, groups, (group) => group.statuses[0].endpoint, endpointPart);
    },
  };
}

class Overview extends HTMLElement {
  #ends = [];
  #reloads = new Map();
  #title = h('div');
  #versions = h('div', { class: 'versions' });
  #findings = h('div');
  #found = h('section', { class: 'findings', 'aria-label': 'Findings' }, h('h2', null, 'Findings'), h('p', { class: 'soft' }, 'What would fail in production.'), this.#findings);
  #notices = h('section', { class: 'notices', 'aria-label': 'Notices' });

  connectedCallback() {
    replace(this,
      h('div', { class: 'toolbar title' }, this.#title,
        h('div', { class: 'toolbar' },
          actor({ onclick: addVersion }, 'Add a version'),
          actor({ class: 'button danger', onclick: endRun }, 'Stop the run'))),
      h('div', { class: 'halves' }, this.#versions, h('div', { class: 'aside' }, this.#found, this.#notices)));
    this.#ends = [
      store.followTicks(),
      store.subscribe(() => this.#draw()),
      stream.on('hello', () => this.#read()),
      stream.on('reloads', ({ reload }) => this.#take([reload])),
    ];
    this.#read();
    this.#draw();
  }

  disconnectedCallback() {
    for (const end of this.#ends) end();
  }

  async #read() {
    try {
      const { reloads } = await get('/api/reloads');
      this.#reloads.clear();
      this.#take(reloads);
    } catch { /* the banner says it */ }
  }

  #take(reloads) {
    for (const each of reloads) if (each.endpoint) this.#reloads.set(`${each.version}\n${each.endpoint}`, each);
    store.changed();
  }

  #drawTitle = whenNew((owner, project, deployment, url) => replace(this.#title,
    h('h1', null, `${owner}/${project}`), h('p', { class: 'soft' }, `deployment ${deployment} at ${url}`)));

  #drawFound = whenNew((findings) => {
    this.#found.hidden = !findings.length;
    kept(this.#findings, findings, finding);
  });

  #drawNotices = whenNew((notices) => {
    this.#notices.hidden = !notices.length;
    replace(this.#notices, h('h2', null, 'Notices'), h('ul', null, notices.map((each) => h('li', null,
      h('p', null, each.endpoint ? h('strong', null, `${each.endpoint}: `) : null, prose(each.text)),
      each.place ? h('p', null, h('code', null, each.place)) : null,
      each.hint ? h('p', { class: 'soft' }, prose(each.hint)) : null))));
  });

  #draw() {
    if (!store.run) return;
    const { owner, project, deployment, url } = store.run;
    this.#drawTitle(owner, project, deployment, url);
    const groups = new Map();
    for (const status of store.endpoints) {
      const key = `${status.version}\n${status.endpoint}`;
      const group = groups.get(key) ?? { statuses: [], reload: this.#reloads.get(key) };
      group.statuses.push(status);
      groups.set(key, group);
    }
    for (const group of groups.values()) group.statuses.sort((one, other) => one.replica - other.replica);
    const all = [...groups.values()];
    keyed(this.#versions, store.versions.map((version, index) => ({
      version, isFirst: index === 0, groups: all.filter((group) => group.statuses[0].version === version.version),
    })), (item) => item.version.version, versionPart);
    const others = store.findings.filter((found) => !store.endpoints.some((status) => tells(status, found)));
    this.#drawFound(others);
    this.#drawNotices(store.notices.slice(-20));
    this.classList.toggle('alone', !others.length && !store.notices.length);
  }
}

customElements.define('vh-overview', Overview);
