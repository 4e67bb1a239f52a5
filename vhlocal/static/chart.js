// A chart over time: a few paths in one drawing, drawn only while it can be seen and at most once for each frame.

import { h, keyed, replace, svg, visible, whenNew } from './dom.js';

const HEIGHT = 170;
const LEFT = 52;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
const SPANS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];
// Dots are drawn where there are so few points that a line alone would hide them.
const FEW = 40;

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) { target.chart.visible = isIntersecting; target.chart.draw(); }
}, { rootMargin: '200px' });
const sized = new ResizeObserver((entries) => { for (const { target } of entries) target.chart.draw(); });

/** Whole and rounded numbers as short as tells them apart. */
export function short(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return '–';
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return number.toExponential(2);
  return String(Number(number.toPrecision(size >= 1e4 ? 7 : 4)));
}

/** One colour for each of the first eight, then again from the first. */
export const colourOf = (index) => `var(--series-${(index % 8) + 1})`;

export class Chart {
  /**
   * `title` and `format` (a number as text) are the chart's own; `onHide(key)` hears of a name that was clicked in the
   * legend. `node` is what goes into the document.
   */
  constructor({ title, format = short, onHide = null }) {
    this.format = format;
    this.onHide = onHide;
    this.visible = false;
    this.data = { series: [], step: 1, from: 0, to: 1 };
    this.drawing = svg('svg', { height: HEIGHT, role: 'img' });
    this.frame = h('div', { class: 'frame', tabindex: '0', role: 'group', 'aria-label': `${title}, chart`, onpointermove: (event) => this.#point(event), onpointerleave: () => this.#leave(), onkeydown: (event) => this.#step(event), onblur: () => this.#leave() }, this.drawing);
    this.told = h('p', { class: 'told soft', 'aria-live': 'polite' });
    this.legend = h('ul', { class: 'legend' });
    this.node = h('figure', { class: 'chart' }, h('figcaption', null, title), this.frame, this.legend, this.told);
    this.frame.chart = this;
    this.title = title;
    this.at = null;
    seen.observe(this.frame);
    sized.observe(this.frame);
  }

  /** End. */
  close() {
    seen.unobserve(this.frame);
    sized.unobserve(this.frame);
  }

  /**
   * Show `series`: each has `key`, `label`, `index` (of its colour), `dashed`, `hidden` and `points`, the oldest first: `{time, value}`, and
   * as far as they are known `low` and `high`, and `told`, what is said of it. Times are in epoch seconds, from `from` to `to`; points are
   * `step` seconds wide where `bars` are to be drawn. `zero` has the scale begin there.
   */
  show(data) {
    this.data = data;
    this.#name(); // also while it is not seen: it would grow as it comes into sight, and move what one is about to click
    this.draw();
  }

  draw() {
    if (!this.visible || this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (this.node.isConnected) this.#draw();
    });
  }

  #draw() {
    const width = Math.max(160, Math.floor(this.frame.clientWidth));
    const { series, from, to, step, bars, zero } = this.data;
    const shown = series.filter((one) => !one.hidden && one.points.length);
    this.drawing.setAttribute('width', width);
    this.drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    this.drawing.setAttribute('aria-label', visible(this.#summary(shown)));
    const [low, high] = bounds(shown, zero || bars, !bars);
    const ticks = shown.length ? scale(low, high) : [];
    const [bottom, top] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
    this.x = (time) => LEFT + ((time - from) / (to - from || 1)) * (width - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((value - bottom) / (top - bottom || 1)) * (HEIGHT - TOP - BOTTOM);
    const parts = ticks.map((tick) => [
      svg('path', { class: 'rule', d: `M${LEFT} ${y(tick).toFixed(1)}H${width - RIGHT}` }),
      svg('text', { class: 'label', x: LEFT - 6, y: (y(tick) + 4).toFixed(1), 'text-anchor': 'end' }, this.format(tick)),
    ]);
    if (!shown.length) parts.push(svg('text', { class: 'label', x: width / 2, y: HEIGHT / 2, 'text-anchor': 'middle' }, series.some((one) => one.hidden) ? 'hidden' : 'no values in this time'));
    for (const [time, words] of moments(from, to, width)) {
      parts.push(svg('text', { class: 'label', x: this.x(time).toFixed(1), y: HEIGHT - 4, 'text-anchor': 'middle' }, words));
    }
    const base = y(Math.min(Math.max(0, bottom), top));
    shown.forEach((one, place) => parts.push(...(bars ? this.#bars(one, place, shown.length, y, base, step) : this.#line(one, y))));
    this.cursor = svg('path', { class: 'cursor' });
    replace(this.drawing, parts, this.cursor);
    if (this.at !== null) this.#cursor();
  }

  #line(one, y) {
    const points = one.points.filter(({ value }) => value !== null);
    const at = ({ time }) => this.x(time).toFixed(1);
    const style = { color: colourOf(one.index) };
    const parts = [];
    if (points.some(({ low, high }) => low !== undefined && low !== high)) {
      const up = points.map((point) => `${at(point)} ${y(point.high).toFixed(1)}`);
      const down = points.map((point) => `${at(point)} ${y(point.low).toFixed(1)}`).reverse();
      parts.push(svg('path', { class: 'band', style, d: `M${[...up, ...down].join('L')}Z` }));
    }
    parts.push(svg('path', { class: one.dashed ? 'curve dashed' : 'curve', style, d: `M${points.map((point) => `${at(point)} ${y(point.value).toFixed(1)}`).join('L')}` }));
    if (points.length <= FEW) parts.push(svg('path', { class: 'dots', style, d: points.map((point) => `M${at(point)} ${y(point.value).toFixed(1)}h0`).join('') }));
    return parts;
  }

  #bars(one, place, count, y, base, step) {
    const whole = Math.max(1, this.x(step) - this.x(0));
    const wide = Math.max(1, (whole * 0.84) / count);
    const d = one.points.filter(({ value }) => value !== null).map(({ time, value }) => {
      const left = this.x(time) + whole * 0.08 + place * wide;
      return `M${left.toFixed(1)} ${base.toFixed(1)}V${y(value).toFixed(1)}h${(wide > 3 ? wide - 1 : wide).toFixed(1)}V${base.toFixed(1)}Z`;
    }).join('');
    return [svg('path', { class: 'bars', style: { color: colourOf(one.index) }, d })];
  }

  #summary(shown) {
    const said = shown.slice(0, 8).map(({ label, points }) => `${label}: ${this.format(points.at(-1).value)}`);
    return `${this.title}. ${said.length ? `Last: ${said.join(', ')}` : 'No values.'}`;
  }

  #name() {
    keyed(this.legend, this.data.series, ({ key }) => key, ({ key }) => {
      const button = h('button', { type: 'button', disabled: !this.onHide, onclick: () => this.onHide(key) });
      const name = whenNew((label, hidden, index) => {
        button.textContent = visible(label);
        button.setAttribute('aria-pressed', String(!hidden));
        button.title = hidden ? 'Show' : 'Hide';
        button.style.setProperty('--colour', colourOf(index));
      });
      return { node: h('li', null, button), update: ({ label, hidden, index }) => name(label, Boolean(hidden), index) };
    });
  }

  // What the pointer or the arrow keys lead to.

  #times() {
    return [...new Set(this.data.series.filter((one) => !one.hidden).flatMap((one) => one.points.map(({ time }) => time)))].sort((one, other) => one - other);
  }

  #point(event) {
    if (!this.x) return;
    const middle = this.data.bars ? this.data.step / 2 : 0;
    const place = event.clientX - this.frame.getBoundingClientRect().left;
    const away = (time) => Math.abs(this.x(time + middle) - place);
    this.at = this.#times().reduce((best, time) => (best === null || away(time) < away(best) ? time : best), null);
    this.#cursor();
  }

  #step(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === 'Escape') this.#leave();
    if (!(event.key in moves)) return;
    event.preventDefault();
    const times = this.#times();
    const next = this.at === null ? times.length - 1 : times.indexOf(this.at) + moves[event.key];
    this.at = times[Math.min(times.length - 1, Math.max(0, next))] ?? null;
    this.#cursor();
  }

  #leave() {
    this.at = null;
    this.cursor?.setAttribute('d', '');
    this.told.textContent = '';
  }

  #cursor() {
    if (this.at === null) return;
    const middle = this.data.bars ? this.data.step / 2 : 0;
    this.cursor?.setAttribute('d', `M${this.x(this.at + middle).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}`);
    const said = this.data.series.filter((one) => !one.hidden).flatMap(({ label, points }) => {
      const point = points.find(({ time }) => time === this.at);
      return point ? [`${label} ${point.told ?? this.format(point.value)}`] : [];
    });
    this.told.textContent = visible(`${moment(this.at)}  ${said.slice(0, 12).join(' · ')}`);
  }
}

function bounds(shown, zero, bands) {
  let low = Infinity;
  let high = -Infinity;
  for (const { points } of shown) {
    for (const point of points) {
      if (point.value === null) continue;
      low = Math.min(low, (bands ? point.low : undefined) ?? point.value);
      high = Math.max(high, (bands ? point.high : undefined) ?? point.value);
    }
  }
  if (low > high) return [0, 1];
  return zero ? [Math.min(0, low), Math.max(0, high)] : [low, high];
}

/** Round numbers from below the lowest to above the highest. */
function scale(low, high) {
  if (!Number.isFinite(high - low)) return [low, high];
  if (low === high) { const room = Math.abs(low) * 0.1 || 1; return scale(low === 0 ? 0 : low - room, high + room); }
  const rough = (high - low) / 3;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * size >= rough * 0.999) * size;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  if (!(step > 0) || last - first > 20) return [low, high];
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function moments(from, to, width) {
  const many = Math.max(2, Math.floor((width - LEFT) / 90));
  const span = SPANS.find((one) => (to - from) / one <= many) ?? SPANS.at(-1);
  const shift = new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let time = Math.ceil((from - shift) / span) * span + shift; time <= to && found.length < 20; time += span) found.push([time, worded(time, span)]);
  return found.filter(([time]) => (time - from) / (to - from) > 0.02 && (time - from) / (to - from) < 0.97);
}

function worded(time, span) {
  const date = new Date(time * 1000);
  if (span >= 86400) return date.toLocaleDateString([], { day: 'numeric', month: 'short' });
  return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', ...(span < 60 && { second: '2-digit' }), hour12: false });
}

/** A moment of a point, as people read it. */
export function moment(time) {
  const date = new Date(time * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return `${today ? '' : `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })} `}${date.toLocaleTimeString([], { hour12: false })}`;
}
