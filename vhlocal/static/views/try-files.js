// Files to send: chosen, or dropped, with pictures shown.

import { bytes, h, replace } from '../dom.js';

/** A field for files: `{node, files}`; `changed` is called after each change. */
export function fileField({ label, several = false, files = [], changed = () => {} }) {
  let chosen = [...files];
  const list = h('ul', { class: 'chosen' });
  const input = h('input', { type: 'file', multiple: several, 'aria-label': label });
  const words = several ? 'Choose files, or drop them here' : 'Choose a file, or drop it here';
  const node = h('div', { class: 'files' }, h('label', { class: 'drop' }, input, h('span', null, words)), list);

  const take = (found) => {
    chosen = several ? [...chosen, ...found] : [...found].slice(-1);
    draw();
    changed();
  };
  input.addEventListener('change', () => { take(input.files); input.value = ''; });
  for (const kind of ['dragenter', 'dragover']) {
    node.addEventListener(kind, (event) => { event.preventDefault(); node.classList.add('over'); });
  }
  node.addEventListener('dragleave', (event) => { if (!node.contains(event.relatedTarget)) node.classList.remove('over'); });
  node.addEventListener('drop', (event) => {
    event.preventDefault();
    node.classList.remove('over');
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });

  function draw() {
    replace(list, chosen.map((file) => h('li', null,
      picture(file),
      h('span', { class: 'about' }, h('span', { class: 'name' }, file.name),
        h('small', { class: 'soft' }, `${bytes(file.size)}${file.type ? ` · ${file.type}` : ''}`)),
      h('button', {
        class: 'button small quiet',
        type: 'button',
        'aria-label': `Remove ${file.name}`,
        onclick: () => { chosen = chosen.filter((each) => each !== file); draw(); changed(); input.focus(); },
      }, '✕'))));
  }

  draw();
  return { node, get files() { return chosen; } };
}

function picture(file) {
  if (!file.type.startsWith('image/') || file.size > 64 * 1024 * 1024) return null;
  const url = URL.createObjectURL(file);
  const free = () => URL.revokeObjectURL(url);
  const image = h('img', { alt: '', onload: free });
  image.addEventListener('error', () => { free(); image.remove(); });
  image.src = url;
  return image;
}
