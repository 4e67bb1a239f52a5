// The shell: lets itself in, leads from view to view, and says how the run is.

import { findKey } from './api.js';
import { el, h, prose, replace } from './dom.js';
import { enableActors } from './parts.js';
import { store } from './store.js';
import { stream } from './stream.js';

const links = [...document.querySelectorAll('nav a[data-view]')];
const main = el('#main');
let shown = { name: '', view: null };

// Routes.

function place() {
  const [, name, query] = /^#\/([a-z]+)(?:\?(.*))?$/.exec(location.hash) ?? [null, '', ''];
  const known = links.some((link) => link.dataset.view === name);
  return { name: known ? name : links[0]?.dataset.view, params: new URLSearchParams(known ? query : '') };
}

async function go() {
  const { name, params } = place();
  if (!name) { replace(main, h('p', { class: 'empty' }, 'There is nothing to see yet.')); return; }
  if (name !== shown.name) {
    const first = shown.name === '';
    shown = { name, view: null };
    for (const link of links) {
      if (link.dataset.view === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    try {
      await import(`./views/${name}.js`);
    } catch (error) {
      if (shown.name !== name) return;
      shown = { name: '', view: null, failed: true };
      if (stream.isLive) setTimeout(() => { if (shown.failed) go(); }, 1000);
      replace(main, h('div', { class: 'empty' },
        h('p', null, `This view could not be loaded: ${error.message}`),
        h('p', null, 'The page tries again once the run answers.'),
        h('button', { class: 'button', type: 'button', onclick: go }, 'Try now')));
      return;
    }
    if (shown.name !== name) return;
    shown.view = document.createElement(`vh-${name}`);
    replace(main, shown.view);
    links.find((link) => link.dataset.view === name).scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (!first) { main.focus({ preventScroll: true }); window.scrollTo(0, 0); }
    titled();
  }
  shown.view?.route?.(params);
}

function titled() {
  const title = links.find((link) => link.dataset.view === shown.name)?.textContent;
  const { owner, project } = store.run ?? {};
  document.title = [title, project && `${owner}/${project}`, 'vhlocal'].filter(Boolean).join(' · ');
  if (project) {
    el('#project').textContent = `${owner}/${project}`;
    el('.brand').title = `${owner}/${project}, deployment ${store.run.deployment}`;
  }
}

// How the run is.

const WORDS = {
  connecting: ['connecting', ''],
  live: ['live', 'good'],
  lost: ['no answer', 'bad'],
  ended: ['ended', 'warn'],
  refused: ['locked', 'bad'],
  paused: ['paused', ''],
};

function connection() {
  const [word, tone] = WORDS[stream.state];
  const pill = el('#connection');
  pill.className = `pill ${tone}`;
  pill.textContent = word;
  enableActors();
  if (stream.isLive && shown.failed) go();
  const banner = el('#banner');
  const said = sentence();
  banner.hidden = said === null;
  if (said) replace(banner, h('p', null, said), h('button', { class: 'button', type: 'button', onclick: () => stream.retry() }, 'Try now'));
}

function sentence() {
  const again = 'This page keeps trying, and continues with the next run of this project.';
  if (stream.state === 'ended') return prose(`The run has ended (${stream.reason.replaceAll('`', '')}). ${again} Start it with \`vhlocal up\`.`);
  if (stream.state === 'lost') return prose(`The run does not answer. ${again}`);
  if (stream.state === 'refused') return prose('Another run answers at this address, and this page does not have its key. `vhlocal open` prints its link.');
  return null;
}

// Light and dark.

const THEMES = { '': 'as the system', light: 'light', dark: 'dark' };

function themed(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  const button = el('#theme');
  button.textContent = { '': '◐', light: '☀', dark: '☾' }[theme];
  button.setAttribute('aria-label', `Colours: ${THEMES[theme]}`);
  button.title = `Colours: ${THEMES[theme]}`;
}

function storedTheme() {
  try { return localStorage.getItem('vhlocal-theme') ?? ''; } catch { return ''; }
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme ?? '') + 1) % names.length];
  try { localStorage.setItem('vhlocal-theme', next); } catch { /* it holds for this page */ }
  themed(next);
}

// The start.

function locked() {
  replace(main, h('div', { class: 'empty' },
    h('h1', null, 'This page needs its key'),
    h('p', null, prose('Run `vhlocal open` in the project’s directory, or open the link that `vhlocal ps --link` prints.'))));
  connectionIs('locked');
}

function connectionIs(word) {
  el('#connection').textContent = word;
}

async function start() {
  try { sessionStorage.removeItem('vhlocal-tries'); } catch { /* nothing is kept */ }
  themed(storedTheme());
  el('#theme').addEventListener('click', nextTheme);
  el('#skip').addEventListener('click', (event) => { event.preventDefault(); main.focus(); });
  window.addEventListener('hashchange', () => {
    if (location.hash.startsWith('#key=')) location.reload();
  });
  if (!(await findKey())) { locked(); return; }
  stream.onState(connection);
  store.subscribe(titled);
  window.addEventListener('hashchange', go);
  connection();
  // The stream begins with the kinds of the first view, but waits no longer for a file that does not come.
  await Promise.race([go(), new Promise((done) => setTimeout(done, 2000))]);
  stream.start();
}

start();
