// A recorded body as people read it: JSON indented, text, a picture, or what it is.

import { bytes, h, replace } from './dom.js';

// Characters that are shown, and bytes to which a packed body is opened.
const SHOWN = 100_000;
const OPENED = 4 * 1024 * 1024;
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/;

/** A node for a body as the API has it (`content` in base64), and `close`, which lets go of what it holds. */
export function bodyOf(headers, body) {
  const node = h('div', { class: 'body' });
  const held = [];
  if (body.content === null) node.append(h('p', { class: 'soft' }, `${bytes(body.length)}: ${body.why || 'not kept'}${body.digest ? `, SHA-256 ${body.digest.slice(0, 12)}…` : ''}`));
  else if (body.length === 0) node.append(h('p', { class: 'soft' }, 'no body'));
  else fill(node, headers, body, held).catch((error) => replace(node, h('p', { class: 'bad' }, `The body cannot be shown: ${error.message}`)));
  return { node, close: () => held.forEach((url) => URL.revokeObjectURL(url)) };
}

async function fill(node, headers, body, held) {
  const kind = first(headers, 'content-type');
  const type = kind.split(';')[0].trim().toLowerCase();
  const packed = first(headers, 'content-encoding').trim().toLowerCase();
  const content = await unpacked(Uint8Array.from(atob(body.content), (one) => one.charCodeAt(0)), packed);
  if (content === null) { node.append(h('p', { class: 'soft' }, `${bytes(body.length)}, packed as ${packed}`)); return; }
  if (PICTURES.test(type)) {
    const url = URL.createObjectURL(new Blob([content], { type }));
    held.push(url);
    const picture = h('img', { alt: `${type}, ${bytes(content.length)}`, src: url });
    picture.addEventListener('error', () => picture.replaceWith(h('p', { class: 'soft' }, `${bytes(content.length)}, not ${type}`)));
    node.append(picture);
    return;
  }
  const text = textOf(content, /charset\s*=\s*"?([\w.:-]+)/i.exec(kind)?.[1] ?? 'utf-8');
  if (text === null) { node.append(h('p', { class: 'soft' }, `${bytes(content.length)}, not text${type ? ` (${type})` : ''}`)); return; }
  const shown = indented(text.slice(0, SHOWN), text.length <= SHOWN);
  node.append(h('pre', { class: 'code', tabindex: '0' }, shown),
    text.length > SHOWN ? h('p', { class: 'soft' }, `and ${(text.length - SHOWN).toLocaleString()} characters more`) : '');
}

function first(headers, name) {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1] ?? '';
}

async function unpacked(content, packed) {
  if (!packed || packed === 'identity') return content;
  const format = { gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'deflate' }[packed];
  if (!format) return null;
  const parts = [];
  let length = 0;
  try {
    const reader = new Blob([content]).stream().pipeThrough(new DecompressionStream(format)).getReader();
    while (length < OPENED) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
    reader.cancel().catch(() => {});
  } catch {
    return content;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function textOf(content, charset) {
  try {
    const text = new TextDecoder(charset, { fatal: true }).decode(content);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

/** JSON with a value in each line, its numbers as they were sent; any other text as it is. */
export function indented(text, whole = true) {
  if (!whole || !/^\s*[[{]/.test(text)) return text;
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let depth = 0;
  let out = '';
  const line = () => `\n${'  '.repeat(Math.min(depth, 100))}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') { depth += 1; out += token + line(); }
    else if (token === '}' || token === ']') { depth -= 1; out = /[{[]\s*$/.test(out) ? out.trimEnd() + token : out + line() + token; }
    else if (token === ',') out += token + line();
    else if (token === ':') out += ': ';
    else out += token;
  }
  return out;
}
