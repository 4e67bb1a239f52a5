// Rows of names and what belongs to them: a query, headers, the fields of a form. There is always an empty one to write in.

import { h } from '../dom.js';
import { fileField } from './try-files.js';

/**
 * Rows: `{node, entries, write(entries)}`; entries are names with texts, or with Files where `files` allows those.
 * `what` is the word for one of them.
 */
export function rows({ what, files = false, changed = () => {} }) {
  const node = h('div', { class: 'rows', role: 'group', 'aria-label': `${what}s` });
  let all = [];

  function add([name, value] = ['', '']) {
    const row = { isFile: value instanceof Array };
    const number = all.length + 1;
    const used = () => { changed(); if (row === all.at(-1) && filled(row)) add(); };
    row.name = h('input', { 'aria-label': `${what} ${number}: name`, placeholder: 'name', spellcheck: 'false', autocapitalize: 'off', value: name, oninput: used });
    row.text = h('textarea', { 'aria-label': `${what} ${number}: value`, placeholder: 'value', rows: 1, spellcheck: 'false', value: row.isFile ? '' : value, oninput: used });
    row.files = files ? fileField({ label: `${what} ${number}: file`, several: true, files: row.isFile ? value : [], changed: used }) : null;
    const kind = h('select', { 'aria-label': `${what} ${number}: type`, onchange: () => { row.isFile = kind.value === 'file'; show(); changed(); } },
      h('option', { value: 'text' }, 'Text'), h('option', { value: 'file' }, 'File'));
    kind.value = row.isFile ? 'file' : 'text';
    const show = () => { row.text.hidden = row.isFile; if (row.files) row.files.node.hidden = !row.isFile; };
    show();
    row.node = h('div', { class: files ? 'row typed' : 'row' }, row.name, files ? kind : null, h('div', { class: 'value' }, row.text, row.files?.node),
      h('button', { class: 'button small quiet', type: 'button', 'aria-label': `Remove ${what} ${number}`, onclick: () => drop(row) }, '✕'));
    all.push(row);
    node.append(row.node);
  }

  const filled = (row) => row.name.value !== '' || row.text.value !== '' || row.files?.files.length > 0;

  function drop(row) {
    const next = all[all.indexOf(row) + 1];
    all = all.filter((each) => each !== row);
    row.node.remove();
    if (!all.length || filled(all.at(-1))) add();
    (next ?? all.at(-1)).name.focus();
    changed();
  }

  function write(entries) {
    all = [];
    node.replaceChildren();
    for (const entry of entries) add(entry);
    add();
  }

  write([]);
  return {
    node,
    write,
    /** As they are sent: each File an entry of its own. */
    get entries() {
      return all.filter((row) => row.name.value !== '').flatMap((row) =>
        (row.isFile ? row.files.files.map((file) => [row.name.value, file]) : [[row.name.value, row.text.value]]));
    },
  };
}
