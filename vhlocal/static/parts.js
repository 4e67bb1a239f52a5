// Parts that several views show.

import { bytes, copyButton, h, prose, seconds, svg } from './dom.js';
import { stream } from './stream.js';

const TONES = { ready: 'good', crashed: 'bad', failed: 'bad', stopped: '' };

/** A button that does something to the run: without one it can do nothing. */
export function actor(props, ...children) {
  return h('button', { type: 'button', ...props, class: `${props.class ?? 'button'} actor`, disabled: !stream.isLive }, ...children);
}

/** Have buttons that do something to the run be enabled while there is one. */
export function enableActors() {
  for (const button of document.querySelectorAll('button.actor')) button.disabled = !stream.isLive;
}

/** An endpoint's state. */
export function statePill(state) {
  return h('span', { class: `pill ${TONES[state] ?? 'warn'}` }, state);
}

/** A revision, as short as people tell them apart. */
export function revision(text) {
  return h('code', { title: text }, text.slice(0, 7));
}

/**
 * A small curve of the last values: `{ node, update(values, limit) }`, oldest first, null where nothing is known. A limit is a
 * line across; the curve's scale has it in it.
 */
export function curve(label, length = 60) {
  const line = svg('polyline', { class: 'line' });
  const area = svg('polygon', { class: 'area' });
  const bound = svg('line', { class: 'limit', x1: '0', x2: '100' });
  const said = h('span', { class: 'curve-value' });
  const node = h('div', { class: 'curve' },
    h('span', { class: 'curve-label' }, label), said,
    svg('svg', { viewBox: '0 0 100 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, area, line, bound));
  function update(values, { limit = null, text }) {
    said.textContent = text;
    const known = values.slice(-length);
    const most = Math.max(...known.map((value) => value ?? 0), limit ?? 0, 1e-9) * 1.08;
    const y = (value) => (23 - ((value ?? 0) / most) * 22).toFixed(2);
    const x = (index) => (100 - ((known.length - 1 - index) / (length - 1)) * 100).toFixed(2);
    const points = known.map((value, index) => `${x(index)},${y(value)}`).join(' ');
    line.setAttribute('points', points);
    area.setAttribute('points', known.length ? `${x(0)},24 ${points} ${x(known.length - 1)},24` : '');
    bound.setAttribute('visibility', limit ? 'visible' : 'hidden');
    bound.setAttribute('y1', y(limit));
    bound.setAttribute('y2', y(limit));
  }
  return { node, update };
}

/** Memory in use, against its limit where it has one. */
export function memoryText(used, limit) {
  if (used === null || used === undefined) return '–';
  return limit ? `${bytes(used)} of ${bytes(limit)}` : bytes(used);
}

/** Where the time of a reload or a start went: a bar, and the words. */
export function phases(list) {
  const total = list.reduce((sum, each) => sum + each.seconds, 0);
  if (!total) return null;
  return h('div', { class: 'phases' },
    h('div', { class: 'phases-bar', 'aria-hidden': 'true' },
      list.map((each) => h('span', { style: { 'flex-grow': String(Math.max(each.seconds / total, 0.004)) } }))),
    h('p', { class: 'soft' }, list.map((each) => `${each.phase} ${seconds(each.seconds)}`).join(' · ')));
}

/** Why something is not as it should be: what, where, what to do, the evidence, and the page of its finding. */
export function trouble({ reason, place, hint, detail, code }, edits = []) {
  return h('div', { class: 'why' },
    h('p', { class: 'bad' }, prose(reason)),
    place ? h('p', null, h('code', null, place)) : null,
    detail ? h('pre', { class: 'code', tabindex: '0', 'aria-label': 'Evidence' }, detail) : null,
    hint ? h('p', { class: 'hint' }, prose(hint)) : null,
    changes(edits),
    code ? h('p', null, findingLink(code)) : null);
}

/** A link to what is known of a finding. */
export function findingLink(code) {
  return h('a', { href: `/findings/${encodeURIComponent(code)}`, target: '_blank', rel: 'noopener' }, code);
}

const SEVERITIES = { error: 'bad', warning: 'warn', notice: '' };

/** Changes of the project's own lines, to be pasted. */
function changes(edits) {
  return edits.map((edit) => h('div', { class: 'edit' },
    h('p', { class: 'soft' }, h('code', null, edit.place), copyButton(edit.new, 'Copy')),
    h('pre', { class: 'code', tabindex: '0', 'aria-label': `Change of ${edit.place}` }, edit.shown.join('\n'))));
}

/** A finding with its remedy. */
export function finding(each) {
  const general = each.framework ? each.remedy[each.framework] : null;
  return h('article', { class: `finding card ${SEVERITIES[each.severity] ?? ''}` },
    h('h3', null, h('span', { class: `pill ${SEVERITIES[each.severity] ?? ''}` }, each.severity), findingLink(each.code), prose(each.seen)),
    h('p', { class: 'soft' }, each.endpoint ? `${each.endpoint} · ` : '', h('code', null, each.place)),
    h('p', null, prose(each.why)),
    h('p', { class: 'hint' }, prose(each.change)),
    changes(each.edits),
    general && !each.edits.length ? h('p', { class: 'hint' }, `${each.framework}: `, prose(general)) : null);
}
