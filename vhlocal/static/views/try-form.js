// A form drawn from an app's own schema; it writes JSON, or the fields of a form.

import { h, replace } from '../dom.js';
import { fileField } from './try-files.js';
import { fault } from './try-json.js';
import { described, example, limits } from './try-schema.js';

/** What stands for "not given": an optional field that is left empty. */
const NONE = undefined;

/**
 * A form for a node of a schema: `{node, read(), write(value)}`. `changed` is called after each change of a person's.
 * `name` is what it is called; at the top it has none.
 */
export function form(schema, given, { name = null, required = true, changed, depth = 0, budget = { left: 400 } }) {
  budget.left -= 1;
  const known = described(schema, given, depth);
  const make = { object: required ? object : optional, array, choice, number, integer: number, boolean, string, file, any };
  return make[budget.left < 0 ? 'any' : known.kind]({ schema, given, name, required, changed, depth, budget, ...known });
}

function shell({ name, required, node }, control, ...after) {
  const about = typeof node.description === 'string' ? node.description : typeof node.title === 'string' && node.title !== name ? node.title : '';
  const note = [about, ...after].filter(Boolean).join(' · ');
  if (name !== null) control.setAttribute('aria-label', name);
  if (required) control.setAttribute('aria-required', 'true');
  if (note) control.setAttribute('aria-description', note);
  return h('label', { class: 'field' },
    name === null ? null : h('span', null, name, required ? h('span', { class: 'bad', title: 'required' }, ' *') : null),
    control, note ? h('small', null, note) : null);
}

const invalid = (input, message) => {
  input.setCustomValidity(message);
  if (message) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
  input.title = message;
};

function string(one) {
  const { node, changed, required, nullable } = one;
  const type = { date: 'date', email: 'email', password: 'password', uri: 'url', time: 'time' }[node.format] ?? 'text';
  const long = type === 'text' && (node.maxLength > 200 || node.format === 'textarea');
  const input = h(long ? 'textarea' : 'input', {
    type: long ? null : type,
    rows: long ? 4 : null,
    maxlength: Number.isInteger(node.maxLength) ? node.maxLength : null,
    placeholder: node.format && type === 'text' ? node.format : null,
    spellcheck: 'false',
    value: [node.default, required ? node.example : ''].find((each) => typeof each === 'string') ?? '',
    oninput: () => { check(); changed(); },
  });
  const check = () => {
    const short = node.minLength > input.value.length && (required || input.value) ? `at least ${node.minLength} letters` : '';
    invalid(input, short);
  };
  return {
    node: shell(one, input),
    read: () => (input.value === '' ? (required ? (nullable ? null : '') : NONE) : input.value),
    write: (value) => { input.value = value ?? ''; check(); },
  };
}

function number(one) {
  const { node, kind, changed, required, nullable } = one;
  const { least, most, over, under } = limits(node);
  const input = h('input', {
    type: 'number',
    inputmode: kind === 'integer' ? 'numeric' : 'decimal',
    min: least,
    max: most,
    step: typeof node.multipleOf === 'number' ? node.multipleOf : kind === 'integer' ? 1 : 'any',
    value: String([node.default, required ? example(one.schema, one.given) : ''].find((each) => typeof each === 'number') ?? ''),
    oninput: () => { check(); changed(); },
  });
  const check = () => {
    invalid(input, '');
    const number_ = input.valueAsNumber;
    if (required && Number.isNaN(number_)) invalid(input, 'a number is needed');
    else if (over !== null && number_ <= over) invalid(input, `more than ${over}`);
    else if (under !== null && number_ >= under) invalid(input, `less than ${under}`);
    else if (!input.validity.valid) invalid(input, input.validationMessage);
  };
  const from = least === null ? '' : over === least ? `more than ${least}` : `from ${least}`;
  const to = most === null ? '' : under === most ? `less than ${most}` : `to ${most}`;
  return {
    node: shell(one, input, [from, to].filter(Boolean).join(' ')),
    read: () => (Number.isNaN(input.valueAsNumber) ? (required && nullable ? null : NONE) : input.valueAsNumber),
    write: (value) => { input.value = typeof value === 'number' ? String(value) : ''; check(); },
  };
}

function select(one, options) {
  const { required, nullable, changed, node } = one;
  const all = [...(required ? [] : [['–', NONE]]), ...options, ...(nullable ? [['null', null]] : [])];
  const input = h('select', { onchange: changed }, all.map(([label], index) => h('option', { value: String(index) }, label)));
  const write = (value) => {
    const index = all.findIndex(([, each]) => JSON.stringify(each) === JSON.stringify(value));
    if (index >= 0) input.value = String(index);
  };
  write(node.default);
  return { node: shell(one, input), read: () => all[Number(input.value)]?.[1], write };
}

const choice = (one) => select(one, one.choices.map((each) => [typeof each === 'string' ? each : JSON.stringify(each), each]));
const boolean = (one) => select(one, [['true', true], ['false', false]]);

function object(one) {
  const { schema, fields, name, required, changed, depth, node, budget } = one;
  const inner = fields.map((each) => ({
    name: each.name,
    form: form(schema, each.node, { name: each.name, required: each.required, changed, depth: depth + 1, budget }),
  }));
  const body = inner.map((each) => each.form.node);
  const about = typeof node.description === 'string' && name !== null ? h('small', { class: 'soft' }, node.description) : null;
  return {
    node: name === null
      ? h('div', { class: 'fields' }, body)
      : h('fieldset', null, h('legend', null, name, required ? h('span', { class: 'bad' }, ' *') : null), about, body),
    read: () => Object.fromEntries(inner.map((each) => [each.name, each.form.read()]).filter(([, value]) => value !== NONE)),
    write: (value) => {
      for (const each of inner) each.form.write(value === null || typeof value !== 'object' ? NONE : value[each.name]);
    },
  };
}

/** An object that may be left out: it is made, and is part of the value, while it is unfolded. */
function optional(one) {
  let inner = null;
  const node = h('details', { class: 'optional' }, h('summary', null, one.name ?? 'entry', h('span', { class: 'soft' }, ' optional')));
  const make = () => {
    if (inner === null) {
      inner = object({ ...one, name: null });
      node.append(inner.node);
    }
  };
  node.addEventListener('toggle', () => { if (node.open) make(); one.changed(); });
  return {
    node,
    read: () => (node.open && inner ? inner.read() : NONE),
    write: (value) => {
      if (value !== undefined && value !== null) {
        make();
        inner.write(value);
      }
      node.open = value !== undefined && value !== null;
    },
  };
}

function array(one) {
  const { schema, items, name, required, changed, depth, node, budget } = one;
  let held = [];
  const list = h('div', { class: 'items' });
  const most = Number.isInteger(node.maxItems) ? node.maxItems : 100;
  const adder = h('button', { class: 'button small', type: 'button', onclick: () => { add(); changed(); } }, `Add to ${name ?? 'the list'}`);

  function add(value) {
    const item = form(schema, items, { name: null, required: true, changed, depth: depth + 1, budget });
    if (value !== undefined) item.write(value);
    const row = h('div', { class: 'item' }, item.node, h('button', {
      class: 'button small quiet',
      type: 'button',
      'aria-label': `Remove this entry of ${name ?? 'the list'}`,
      onclick: () => { held = held.filter((each) => each.row !== row); row.remove(); limit(); changed(); adder.focus(); },
    }, '✕'));
    for (const control of row.querySelectorAll(':scope > .field :is(input, select, textarea)')) {
      control.setAttribute('aria-label', `${name ?? 'list'}, entry ${held.length + 1}`);
    }
    held.push({ row, item });
    list.append(row);
    limit();
  }

  const limit = () => { adder.disabled = held.length >= most; };
  const fill = (values) => {
    held = [];
    list.replaceChildren();
    for (const value of values) add(value);
    limit();
  };
  const few = Math.min(10, Number.isInteger(node.minItems) ? node.minItems : required ? 1 : 0);
  if (Array.isArray(node.default)) fill(node.default.slice(0, most));
  else for (let count = 0; count < few; count += 1) add();
  return {
    node: h('fieldset', null, h('legend', null, name ?? 'List', required ? h('span', { class: 'bad' }, ' *') : null),
      node.description ? h('small', { class: 'soft' }, String(node.description)) : null, list, adder),
    read: () => (held.length || required ? held.map(({ item }) => item.read() ?? null) : NONE),
    write: (value) => fill(Array.isArray(value) ? value.slice(0, most) : []),
  };
}

/** In JSON there are no files: where one is wanted, its text is written. */
function file(one) {
  return string({ ...one, node: { description: one.node.description, format: 'file as text' } });
}

/** What cannot be drawn is written as JSON, with an example. */
function any(one) {
  const { schema, given, changed, required, depth } = one;
  const shown = JSON.stringify(example(schema, given, depth + 1), null, 2);
  const input = h('textarea', { rows: 3, spellcheck: 'false', placeholder: shown, oninput: () => { check(); changed(); } });
  if (required) input.value = shown;
  const check = () => {
    const found = input.value.trim() ? fault(input.value) : null;
    invalid(input, found ? `line ${found.line}, column ${found.column}: ${found.message}` : '');
  };
  return {
    node: shell(one, input, 'JSON'),
    read: () => {
      if (!input.value.trim()) return required ? null : NONE;
      return fault(input.value) ? NONE : JSON.parse(input.value);
    },
    write: (value) => { input.value = value === undefined ? '' : JSON.stringify(value, null, 2); check(); },
  };
}

/** A form for the fields of `multipart/form-data`: `{node, entries()}`, each entry a name and a text or a File. */
export function fieldsForm(schema, given, changed) {
  const { kind, fields } = described(schema, given);
  if (kind !== 'object') return null;
  const made = fields.map((field) => {
    const known = described(schema, field.node, 1);
    const several = known.kind === 'array' && described(schema, known.items, 2).kind === 'file';
    if (known.kind === 'file' || several) {
      const files = fileField({ label: field.name, several, changed });
      const star = field.required ? h('span', { class: 'bad' }, ' *') : null;
      const about = known.node.description ? h('small', null, String(known.node.description)) : null;
      return {
        node: h('div', { class: 'field' }, h('span', null, field.name, star), files.node, about),
        entries: () => files.files.map((each) => [field.name, each]),
      };
    }
    const inner = form(schema, field.node, { name: field.name, required: field.required, changed, depth: 1 });
    const entries = () => {
      const value = inner.read();
      if (value === NONE) return [];
      const all = Array.isArray(value) ? value : [value];
      return all.map((each) => [field.name, typeof each === 'string' ? each : JSON.stringify(each)]);
    };
    return { node: inner.node, entries };
  });
  const node = h('div', { class: 'fields' });
  replace(node, made.map((each) => each.node));
  return { node, entries: () => made.flatMap((each) => each.entries()) };
}
