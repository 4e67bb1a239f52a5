// An answer as it comes: how it stands, its headers, and its body in the form that fits what it is.

import { bytes, h, replace, seconds, visible } from '../dom.js';
import { fault, parsed, tree } from './try-json.js';

/** Bytes of a body that are looked at, and of a text that are shown at a time; the rest is counted, and can be kept. */
const LOOKED = 4 * 1024 * 1024;
const SHOWN = 128 * 1024;
const PIECE = 4 * 1024 * 1024;
const HEX = 2048;
const ROWS = 200;
const COLUMNS = 60;

/** What came of one request: `head` of the app's answer, the `kept` beginning of its body, and all of it as `blob`. */
export class Answer {
  kept = new Uint8Array(0);
  length = 0;
  whole = false;
  brokeOff = '';
  #parts = [];
  #pending = 0;
  #blobs = [];
  #first = [];
  #firstLength = 0;

  constructor(head) {
    this.head = head;
  }

  header(name) {
    const found = this.head.headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
    return found.length ? found.join(', ') : null;
  }

  get type() {
    return (this.header('content-type') ?? '').split(';')[0].trim().toLowerCase();
  }

  /** Read a body to its end; `came` is called after each part. */
  async read(body, came) {
    const reader = body?.getReader();
    try {
      while (reader) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#take(value);
        came();
      }
      this.whole = true;
    } finally {
      this.#flush();
    }
  }

  #take(part) {
    this.length += part.length;
    if (this.#firstLength < LOOKED) {
      this.#first.push(part);
      this.#firstLength += part.length;
      this.kept = null;
    }
    this.#parts.push(part);
    this.#pending += part.length;
    if (this.#pending >= PIECE) this.#flush();
  }

  /** Hand what has come to the browser, which keeps large blobs on the disk. */
  #flush() {
    if (this.#parts.length) this.#blobs.push(new Blob(this.#parts));
    this.#parts = [];
    this.#pending = 0;
  }

  /** The first bytes of the body, as far as they are looked at. */
  get beginning() {
    if (this.kept === null) {
      const all = new Uint8Array(this.#firstLength);
      let at = 0;
      for (const part of this.#first) { all.set(part, at); at += part.length; }
      this.kept = all.subarray(0, LOOKED);
      this.#first = [all];
    }
    return this.kept;
  }

  blob(type = 'application/octet-stream') {
    return new Blob([...this.#blobs, ...this.#parts], { type });
  }

  /** The body as text, null where it is none. */
  get text() {
    const name = /charset\s*=\s*["']?([\w.:-]+)/i.exec(this.header('content-type') ?? '')?.[1] ?? 'utf-8';
    const data = this.beginning;
    for (const label of [name, 'utf-8']) {
      try {
        // It may have been cut within a letter.
        const text = new TextDecoder(label, { fatal: true }).decode(data, { stream: data.length < this.length || !this.whole });
        return text.includes('\0') ? null : text;
      } catch { /* no such encoding, or not in it */ }
    }
    return null;
  }
}

// Forms of a body: each returns nodes, or null where it does not fit.

function json(answer, text) {
  if (text === null || answer.length > LOOKED) return null;
  try { return tree(parsed(text)); } catch { return null; }
}

function lines(answer, text) {
  if (text === null) return null;
  let end = 0;
  const node = h('pre', { class: 'code body', tabindex: '0', 'aria-label': 'body' });
  const more = h('button', { class: 'button small', type: 'button' });
  const show = () => {
    const next = Math.min(text.length, end + SHOWN);
    node.append(visible(text.slice(end, next).replaceAll('\r\n', '\n')));
    end = next;
    more.hidden = end >= text.length;
    more.textContent = `Show more of ${bytes(answer.length)}`;
  };
  more.addEventListener('click', show);
  show();
  return [node, more];
}

function hex(answer) {
  const data = answer.beginning.subarray(0, HEX);
  const rows = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = [...data.subarray(at, at + 16)];
    const codes = row.map((each) => each.toString(16).padStart(2, '0')).join(' ');
    const letters = row.map((each) => (each > 31 && each < 127 ? String.fromCharCode(each) : '·')).join('');
    rows.push(`${at.toString(16).padStart(6, '0')}  ${codes.padEnd(47)}  ${letters}`);
  }
  const more = answer.length > data.length ? h('p', { class: 'soft' }, `The first ${bytes(data.length)} of ${bytes(answer.length)}.`) : null;
  return [h('pre', { class: 'code body', tabindex: '0', 'aria-label': 'bytes of the body' }, rows.join('\n')), more];
}

function table(answer, text) {
  if (text === null || !text.trim()) return null;
  const { rows, more } = separated(text, answer.type === 'text/tab-separated-values' ? '\t' : separator(text));
  const [head, ...rest] = rows;
  const cut = (row) => row.slice(0, COLUMNS);
  const said = [more || answer.length > LOOKED ? `The first ${rest.length} rows.` : `${rest.length} rows.`, head.length > COLUMNS ? `The first ${COLUMNS} of ${head.length} columns.` : ''];
  return [h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'table' },
    h('table', { class: 'table' },
      h('thead', null, h('tr', null, cut(head).map((cell) => h('th', { scope: 'col' }, cell)))),
      h('tbody', null, rest.map((row) => h('tr', null, cut(row).map((cell) => h('td', null, cell))))))),
  h('p', { class: 'soft' }, said.join(' '))];
}

function separator(text) {
  const [first] = text.split('\n', 1);
  return [',', ';', '\t'].map((each) => [first.split(each).length, each]).sort((a, b) => b[0] - a[0])[0][1];
}

/** The first rows of a text by RFC 4180, and whether there are more. */
function separated(text, between) {
  const rows = [];
  let [row, cell, inside] = [[], '', false];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (inside) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') { cell += '"'; at += 1; } else inside = false;
    } else if (letter === '"' && cell === '') inside = true;
    else if (letter === between) { row.push(cell); cell = ''; } else if (letter === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')]);
      [row, cell] = [[], ''];
      if (rows.length > ROWS) return { rows, more: at + 1 < text.length };
    } else cell += letter;
  }
  if (cell || row.length) rows.push([...row, cell]);
  return { rows, more: false };
}

/** An image, a sound or a film, of a blob: what is in it can show, and run nothing. */
function medium(tag, answer, label, failed) {
  const url = URL.createObjectURL(answer.blob(answer.type));
  const node = h(tag, { class: 'medium', ...(tag === 'img' ? { alt: label } : { controls: true, 'aria-label': label }) });
  node.addEventListener('error', () => { URL.revokeObjectURL(url); failed(); });
  node.src = url;
  return { node, free: () => URL.revokeObjectURL(url) };
}

/** Shows an answer's body, in the form that fits or the one that is chosen. */
export class Body {
  #free = () => {};
  #form = null;

  constructor() {
    this.said = h('div', { class: 'said' });
    this.forms = h('div', { class: 'segments', role: 'group', 'aria-label': 'Show the body as' });
    this.inside = h('div', { class: 'shown' });
    this.node = h('div', { class: 'answer-body' }, this.said, this.forms, this.inside);
  }

  clear() {
    this.#free();
    this.#free = () => {};
    this.#form = null;
    for (const node of [this.said, this.forms, this.inside]) node.replaceChildren();
  }

  /** Show a text that still comes; the beginning of it, and no more of that than is shown at once. */
  coming(answer) {
    if (this.#live?.answer !== answer) {
      this.#live = { answer, length: 0, node: h('pre', { class: 'code body', tabindex: '0', 'aria-label': 'body' }) };
      replace(this.inside, this.#live.node);
    }
    if (this.#live.length >= SHOWN) return;
    const text = answer.text;
    const shown = text === null ? 'The answer is not text.' : text.slice(0, SHOWN);
    this.#live.node.textContent = visible(shown.replaceAll('\r\n', '\n'));
    // What is no text by now will not become one.
    this.#live.length = text === null ? SHOWN : shown.length;
  }

  #live = null;

  /** Show an answer whose body has ended. */
  ended(answer) {
    this.#live = null;
    const text = answer.text;
    const { type } = answer;
    const forms = new Map();
    const isJson = /[/+]json$/.test(type);
    const isMedium = /^(image|audio|video)\//.test(type) && answer.length > 0;
    if (isMedium) forms.set({ image: 'Image', audio: 'Sound', video: 'Film' }[type.split('/')[0]], null);
    if (isJson || (!type && text !== null && !fault(text))) {
      const made = json(answer, text);
      if (made) forms.set('JSON', () => made);
    }
    if (/^text\/(csv|tab-separated-values)$/.test(type) && text?.trim()) forms.set('Table', () => table(answer, text));
    if (text !== null && answer.length) forms.set('Text', () => lines(answer, text));
    if (answer.length) forms.set('Bytes', () => hex(answer));
    replace(this.said, this.#told(answer, text, isJson && !forms.has('JSON')));
    if (!forms.size) {
      replace(this.forms);
      replace(this.inside, answer.brokeOff ? null : h('p', { class: 'soft' }, 'The answer has no body.'));
      return;
    }
    const show = (name) => {
      this.#free();
      this.#free = () => {};
      this.#form = name;
      for (const button of this.forms.children) button.setAttribute('aria-pressed', String(button.textContent === name));
      if (forms.get(name)) { replace(this.inside, forms.get(name)()); return; }
      const failed = () => {
        replace(this.said, h('p', { class: 'warn' }, `The answer says that it is ${type}, but cannot be shown as such.`));
        show(text === null ? 'Bytes' : 'Text');
      };
      const { node, free } = medium({ Image: 'img', Sound: 'audio', Film: 'video' }[name], answer, `The answer's ${name.toLowerCase()}`, failed);
      this.#free = free;
      replace(this.inside, node);
    };
    replace(this.forms, [...forms.keys()].map((name) => h('button', { class: 'button small', type: 'button', 'aria-pressed': 'false', onclick: () => show(name) }, name)));
    show(forms.keys().next().value);
  }

  #told(answer, text, isNoJson) {
    const said = [];
    if (answer.brokeOff) said.push(h('p', { class: 'bad' }, `${answer.brokeOff} after ${bytes(answer.length)}.`));
    if (isNoJson && answer.length > LOOKED) said.push(h('p', { class: 'soft' }, `The beginning of ${bytes(answer.length)}: too much for a tree.`));
    else if (isNoJson && answer.length) {
      const found = text === null ? null : fault(text);
      const where = found ? `line ${found.line}, column ${found.column}: ${found.message}` : 'it is not text';
      said.push(h('p', { class: 'warn' }, `The answer says that it is ${answer.type}, but it is not: ${where}.`));
    }
    return said;
  }
}

/** The line of facts: status, times, size, and whose answer it is. */
export function facts(answer, took) {
  const { status, reason, seconds: first } = answer.head;
  const tone = status < 300 ? 'good' : status < 400 ? 'warn' : 'bad';
  const revision = answer.header('x-vhlocal-revision');
  const stale = answer.header('x-vhlocal-stale') !== null;
  return [
    h('span', { class: `pill ${tone}` }, `${status} ${reason}`.trim()),
    h('span', { title: 'until the first byte' }, seconds(first), h('span', { class: 'soft' }, ' first byte')),
    took === null ? null : h('span', null, seconds(took), h('span', { class: 'soft' }, ' total')),
    h('span', null, bytes(answer.length)),
    answer.type ? h('span', { class: 'mono' }, answer.type) : null,
    revision === null
      ? h('span', { class: 'warn' }, 'from vhlocal, not from your app')
      : h('span', { class: stale ? 'warn' : 'soft', title: 'revision of the code that answered' }, revision, stale ? ', because a newer one is broken' : ''),
  ];
}

/** The answer's headers. */
export function headers(answer) {
  return h('table', { class: 'table headers' }, h('tbody', null, answer.head.headers.map(([name, value]) =>
    h('tr', null, h('th', { scope: 'row' }, name), h('td', { class: 'mono' }, latin(value))))));
}

/** A header's bytes, which came as one letter each, as the text that they are in UTF-8, if they are. */
function latin(value) {
  try { return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(value, (letter) => letter.charCodeAt(0))); } catch { return value; }
}
