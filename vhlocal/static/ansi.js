// Lines of servers: what sets colours and weight is shown so, all else that a terminal would obey is written out.

import { h, visible } from './dom.js';

const SGR = /\x1b\[([0-9;:]*)m/g;
const LEVELS = [0, 95, 135, 175, 215, 255];
// Colours by number, as terminals have them; how light they are is the page's, so that they can be read on its ground.
const NAMED = ['#767676', '#d23b3b', '#2f9e44', '#a5830a', '#3b6fd2', '#a63bd2', '#1f93a3', '#8a8a8a'];
// A line may change its colour so often.
const MOST = 200;

/** Nodes that show a line, at most `most` characters of it. */
export function coloured(text, most = Infinity) {
  const cut = text.length > most ? text.slice(0, most) : text;
  if (!cut.includes('\x1b[')) return [visible(cut)];
  const nodes = [];
  let style = {};
  let from = 0;
  for (const match of cut.matchAll(SGR)) {
    if (match.index > from) nodes.push(part(cut.slice(from, match.index), style));
    style = nodes.length < MOST ? changed(style, match[1]) : {};
    from = match.index + match[0].length;
  }
  if (from < cut.length) nodes.push(part(cut.slice(from), style));
  return nodes;
}

/** The same line without what sets colours. */
export function plain(text) {
  return text.replace(SGR, '');
}

function part(text, style) {
  const [front, back] = style.inverse ? [style.back, style.front ?? 'currentcolor'] : [style.front, style.back];
  const names = ['bold', 'dim', 'italic', 'underline', 'strike'].filter((name) => style[name]);
  if (front) names.push('front');
  if (back) names.push('back');
  if (!names.length) return visible(text);
  return h('span', { class: names.map((name) => `sgr-${name}`).join(' '), style: { ...(front && { '--front': front }), ...(back && { '--back': back }) } }, text);
}

function changed(before, codes) {
  const style = { ...before };
  const parts = codes.split(';').slice(0, 40);
  for (let at = 0; at < parts.length; at += 1) {
    const [code, ...own] = parts[at].split(':').map(Number);
    if (code === 0) for (const name of Object.keys(style)) delete style[name];
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = own[0] !== 0;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 29) style.strike = false;
    else if (code === 39) style.front = null;
    else if (code === 49) style.back = null;
    else if (code === 38 || code === 48) {
      const rest = own.length ? own : parts.slice(at + 1).map(Number);
      const [colour, taken] = chosen(rest, own.length > 0);
      if (!own.length) at += taken;
      if (colour) style[code === 38 ? 'front' : 'back'] = colour;
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style.front = NAMED[code % 10];
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) style.back = NAMED[code % 10];
  }
  return style;
}

/** A colour of 256 or of all, and how many numbers told it. */
function chosen([form, ...rest], colons) {
  if (form === 5) return [ofMany(rest[0]), 2];
  if (form !== 2) return [null, 1];
  const [red, green, blue] = colons && rest.length > 3 ? rest.slice(1) : rest;
  return [[red, green, blue].every(isByte) ? `rgb(${red} ${green} ${blue})` : null, 4];
}

function ofMany(number) {
  if (!isByte(number)) return null;
  if (number < 16) return NAMED[number % 8];
  if (number > 231) return `rgb(${Array(3).fill(8 + (number - 232) * 10).join(' ')})`;
  const six = number - 16;
  return `rgb(${[Math.floor(six / 36), Math.floor(six / 6) % 6, six % 6].map((level) => LEVELS[level]).join(' ')})`;
}

function isByte(number) {
  return Number.isInteger(number) && number >= 0 && number <= 255;
}
