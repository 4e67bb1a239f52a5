// Elements, and the few words that every view writes. Text is only ever set as text.

const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/u;
const ALL_OBEYED = new RegExp(OBEYED.source, 'gu');

/** A text with control characters, and what turns the direction of text round, written out, as `\x1b` is. */
export function visible(text) {
  const plain = String(text);
  if (!OBEYED.test(plain)) return plain;
  return plain.replace(ALL_OBEYED, (one) => {
    const number = one.codePointAt(0);
    return number < 0x100 ? `\\x${number.toString(16).padStart(2, '0')}` : `\\u${number.toString(16).padStart(4, '0')}`;
  });
}

function add(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(node, child);
    else node.append(child instanceof Node ? child : visible(child));
  }
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2).toLowerCase(), value);
    else if (name === 'style') for (const [rule, set] of Object.entries(value)) node.style.setProperty(rule, set);
    else if (name === 'dataset') Object.assign(node.dataset, value);
    else if (name === 'value' || name === 'checked' || name === 'selected' || name === 'disabled') node[name] = value;
    else if (name === 'href') node.setAttribute('href', safe(value));
    else node.setAttribute(name, value === true ? '' : visible(value));
  }
  add(node, children);
  return node;
}

/** A link of others may lead to the web and into this page, and run nothing. */
function safe(address) {
  return /^(https?:|#|\/(?!\/))/i.test(address) ? address : '#/overview';
}

/** An element: `on…` are listeners, `style` has properties by name, children are nodes, texts, numbers, lists, or nothing. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for a part of a drawing. */
export function svg(tag, props, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);
}

/** Have a node hold these children and no others. */
export function replace(node, ...children) {
  const held = document.createDocumentFragment();
  add(held, children);
  node.replaceChildren(held);
  return node;
}

/**
 * Have a node hold one part for each item, in their order; parts that stay are kept as they are, with focus and all.
 * `make(item)` gives `{ node, update(item) }`; `update` is called for each item each time. No two items have one key.
 */
export function keyed(parent, items, keyOf, make) {
  const before = parent.parts ?? new Map();
  const now = new Map(items.map((item) => [keyOf(item), item]));
  // Gone first: a part that is moved past them would lose its focus.
  for (const [key, part] of before) if (!now.has(key)) part.node.remove();
  let place = parent.firstChild;
  for (const [key, item] of now) {
    const part = before.get(key) ?? make(item);
    now.set(key, part);
    part.update(item);
    if (part.node === place) place = place.nextSibling;
    else parent.insertBefore(part.node, place);
  }
  parent.parts = now;
}

/** Have a node hold what `draw` makes of each item, in their order; what was made of the same before is kept. */
export function kept(parent, items, draw) {
  keyed(parent, items, (item) => JSON.stringify(item), (item) => ({ node: draw(item), update() {} }));
}

/** A function that calls another one only where it is given something else than the last time. */
export function whenNew(draw) {
  let last;
  return (...given) => {
    const text = JSON.stringify(given);
    if (text === last) return;
    last = text;
    draw(...given);
  };
}

/** The first element below a node that matches, or null. */
export function el(selector, node = document) {
  return node.querySelector(selector);
}

/** A sentence of vhlocal's: what stands in backticks is code. */
export function prose(text) {
  return String(text ?? '').split(/`([^`]+)`/).map((part, index) => (index % 2 ? h('code', null, part) : part));
}

/** A button that copies a text and says so. */
export function copyButton(text, label = 'Copy') {
  const button = h('button', { class: 'button small', type: 'button', 'aria-label': `${label}: ${text}` }, label);
  button.addEventListener('click', async () => {
    const said = (await copy(String(text))) ? 'Copied' : 'Not copied';
    button.textContent = said;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

/** Put a text into the clipboard; whether that went well. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h('textarea', { class: 'visually-hidden', value: text });
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}

/** How long ago a time (epoch seconds) was: `3 s ago`. */
export function ago(time, now = Date.now() / 1000) {
  const past = Math.max(0, now - time);
  if (past < 1.5) return 'now';
  if (past < 90) return `${Math.round(past)} s ago`;
  if (past < 90 * 60) return `${Math.round(past / 60)} min ago`;
  if (past < 36 * 3600) return `${Math.round(past / 3600)} h ago`;
  return `${Math.round(past / 86400)} days ago`;
}

/** A time (epoch seconds) as the clock shows it. */
export function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour12: false });
}

/** A size in bytes: `12.3 MiB`. */
export function bytes(size) {
  if (size === null || size === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let number = Number(size);
  let unit = 0;
  while (number >= 1023.5 && unit < units.length - 1) { number /= 1024; unit += 1; }
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
}

/** A time in seconds: `4.2 ms`, `1.35 s`. */
export function seconds(time) {
  if (time === null || time === undefined) return '–';
  if (time < 0.0995) return `${(time * 1000).toFixed(time < 0.00995 ? 1 : 0)} ms`;
  if (time < 0.9995) return `${Math.round(time * 1000)} ms`;
  if (time < 99.5) return `${time.toFixed(time < 9.995 ? 2 : 1)} s`;
  return `${Math.floor(time / 60)} min ${Math.round(time % 60)} s`;
}

/**
 * Ask in a dialog: `title`, `body` (nodes), the word of the `action`, whether it is a `danger`. `act` gets the form's
 * fields by name; what it throws is shown in the dialog, which stays. Resolves with what `act` returned, or undefined.
 */
export function ask({ title, body = [], action, danger = false, act }) {
  return new Promise((resolve) => {
    const trouble = h('div', { class: 'trouble', role: 'alert', hidden: true });
    const go = h('button', { class: `button ${danger ? 'danger' : 'primary'}`, type: 'submit' }, action);
    const form = h('form', null,
      h('h2', { id: 'ask-title' }, title), body, trouble,
      h('div', { class: 'toolbar end' },
        h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, 'Cancel'), go));
    const dialog = h('dialog', { 'aria-labelledby': 'ask-title' }, form);
    let result;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      go.disabled = true;
      go.textContent = `${action} …`;
      try {
        result = (await act(Object.fromEntries(new FormData(form)))) ?? true;
        dialog.close();
      } catch (error) {
        trouble.hidden = false;
        replace(trouble, troubles(error));
      } finally {
        go.disabled = false;
        go.textContent = action;
      }
    });
    dialog.addEventListener('close', () => { dialog.remove(); resolve(result); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** An error as nodes: what, where, what to do, and the longer evidence. */
export function troubles(error) {
  return [
    h('p', { class: 'bad' }, prose(error.message)),
    error.place ? h('p', null, h('code', null, error.place)) : null,
    error.hint ? h('p', { class: 'hint' }, prose(error.hint)) : null,
    error.detail ? h('pre', { class: 'code', tabindex: '0' }, error.detail) : null,
  ];
}
