// JSON: where a text is none, and a tree of what it says that is unfolded piece by piece.

import { h, visible } from '../dom.js';

const BLANK = /[ \t\r\n]*/y;
const INSIDE = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const PLAIN = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** Where a text is no JSON: `{line, column, message}`, counted from 1; null where it is JSON. */
export function fault(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    try {
      value(text, blank(text, 0), true);
    } catch (found) {
      if (found instanceof Fault) return placed(text, found);
    }
    return { line: 1, column: 1, message: error.message };
  }
}

class Fault {
  constructor(at, message) {
    this.at = at;
    this.message = message;
  }
}

function placed(text, { at, message }) {
  const before = text.slice(0, at);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: at - start + 1, message };
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

const blank = (text, at) => at + match(BLANK, text, at).length;

function value(text, at, alone = false) {
  const first = text[at];
  let end;
  if (first === '{') end = list(text, at, '}', pair);
  else if (first === '[') end = list(text, at, ']', value);
  else if (first === '"') end = string(text, at);
  else {
    const plain = match(PLAIN, text, at);
    if (plain === null) throw new Fault(at, first === undefined ? 'the text ends where a value is expected' : 'a value is expected');
    end = at + plain.length;
  }
  if (alone && (end = blank(text, end)) < text.length) throw new Fault(end, 'there is more text after the value');
  return end;
}

function list(text, start, close, item) {
  let at = blank(text, start + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    if (text[at] === close) throw new Fault(at, 'nothing follows the comma');
    at = blank(text, item(text, at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') throw new Fault(at, at < text.length ? `\`,\` or \`${close}\` is expected` : `the text ends before \`${close}\``);
    at = blank(text, at + 1);
  }
}

function pair(text, start) {
  if (text[start] !== '"') throw new Fault(start, 'a name in double quotes is expected');
  const at = blank(text, string(text, start));
  if (text[at] !== ':') throw new Fault(at, '`:` is expected');
  return value(text, blank(text, at + 1));
}

function string(text, start) {
  const at = start + match(INSIDE, text, start).length;
  if (text[at] === '"') return at + 1;
  if (at >= text.length) throw new Fault(at, 'the text ends within a string');
  throw new Fault(at, text[at] === '\\' ? 'there is no such escape' : 'a control character in a string: escape it');
}

/** A number as it was written, where JavaScript's would show as another. */
class Written {
  constructor(text) {
    this.text = text;
  }
}

/** What a JSON text says, with numbers as they were written. */
export function parsed(text) {
  return JSON.parse(text, (_, found, context) =>
    (typeof found === 'number' && context?.source && String(found) !== context.source ? new Written(context.source) : found));
}

const SHOWN = 100;
const LONGEST = 2000;

/** A tree of a value; what is folded is made once it is unfolded, a hundred entries at a time. */
export function tree(found, name = null, open = true) {
  const label = name === null ? null : [h('span', { class: 'key' }, name), ': '];
  if (found === null || typeof found !== 'object' || found instanceof Written) return h('div', { class: 'leaf' }, label, leaf(found));
  const isList = Array.isArray(found);
  const count = isList ? found.length : Object.keys(found).length;
  if (!count) return h('div', { class: 'leaf' }, label, isList ? '[]' : '{}');
  const kind = isList ? `[${count.toLocaleString('en')}]` : `{${count.toLocaleString('en')}}`;
  const inside = h('div', { class: 'inside' });
  const node = h('details', null, h('summary', null, label, h('span', { class: 'soft' }, kind, ' ', hint(found, isList))), inside);
  const entries = isList ? null : Object.entries(found);
  let made = 0;
  const more = () => {
    inside.querySelector(':scope > button')?.remove();
    const end = Math.min(count, made + SHOWN);
    for (; made < end; made += 1) {
      const [key, entry] = isList ? [String(made), found[made]] : entries[made];
      inside.append(tree(entry, key, false));
    }
    if (made < count) {
      const left = (count - made).toLocaleString('en');
      inside.append(h('button', { class: 'button small', type: 'button', onclick: more }, `${left} more`));
    }
  };
  node.addEventListener('toggle', () => { if (node.open && !made) more(); });
  if (open) { node.open = true; more(); }
  return node;
}

function hint(found, isList) {
  const few = (isList ? found.slice(0, 4) : Object.keys(found).slice(0, 4)).map((each) => (isList ? short(each) : each));
  const text = few.join(', ');
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const short = (found) => (found === null || typeof found !== 'object' ? JSON.stringify(found) : found instanceof Written ? found.text : '…');

function leaf(found) {
  if (found instanceof Written) return h('span', { class: 'number' }, found.text);
  if (typeof found !== 'string') return h('span', { class: typeof found === 'number' ? 'number' : 'word' }, String(found));
  const node = h('span', { class: 'string' }, quoted(found.slice(0, LONGEST)));
  if (found.length <= LONGEST) return node;
  const left = (found.length - LONGEST).toLocaleString('en');
  const all = h('button', { class: 'button small', type: 'button' }, `${left} characters more`);
  all.addEventListener('click', () => { node.textContent = visible(quoted(found.slice(0, 100 * LONGEST))); all.remove(); });
  return [node, ' ', all];
}

const quoted = (text) => JSON.stringify(text);
