// The run's API, asked with the page's key.

const STORED = 'vhlocal-key';
let key = null;
// Whether the run has taken it: a key that is none is given to no other tab.
let taken = false;

/** What the API says is wrong: a message, and as far as they are known a hint, a place, details and the status. */
export class ApiError extends Error {
  constructor(said, status) {
    super(said.error ?? `the run answered ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.hint = said.hint ?? null;
    this.place = said.place ?? null;
    this.detail = said.detail ?? null;
  }
}

/** Take the key out of the address bar, or out of what this tab or another one of this page knows; whether there is one. */
export async function findKey() {
  const given = /^#key=([\w-]+)/.exec(location.hash);
  if (given) {
    history.replaceState(null, '', `${location.pathname}#/overview`);
    keep(given[1]);
  } else {
    try { key = sessionStorage.getItem(STORED); } catch { /* the browser keeps nothing: the tab does */ }
    if (key === null) key = await fromAnotherTab();
  }
  share();
  return key !== null;
}

function keep(found) {
  key = found;
  try { sessionStorage.setItem(STORED, found); } catch { /* as above */ }
}

// A link that is opened in a new tab has no storage of its own yet. Only pages of this origin hear each other.
function fromAnotherTab() {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(STORED);
    const done = (found) => { channel.close(); resolve(found); };
    const late = setTimeout(() => done(null), 250);
    channel.onmessage = ({ data }) => {
      if (typeof data?.key !== 'string') return;
      clearTimeout(late);
      keep(data.key);
      done(data.key);
    };
    channel.postMessage('key?');
  });
}

function share() {
  const channel = new BroadcastChannel(STORED);
  channel.onmessage = ({ data }) => {
    if (data === 'key?' && taken) channel.postMessage({ key });
    else if (typeof data?.key === 'string' && key === null) { keep(data.key); location.reload(); }
  };
}

/** `fetch` with the key; the answer is the caller's to read, whatever its status. */
export async function ask(path, init = {}) {
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Bearer ${key ?? ''}`);
  const answer = await fetch(path, { cache: 'no-store', credentials: 'omit', redirect: 'error', ...init, headers });
  taken ||= answer.status !== 401;
  return answer;
}

async function json(method, path, body, signal, again = false) {
  const init = { method, signal, headers: { Accept: 'application/json' } };
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer;
  try {
    answer = await ask(path, init);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    // What only reads is asked for once more: a browser ends it when a network of this machine changes.
    if (method === 'GET' && !again) {
      await new Promise((done) => setTimeout(done, 300));
      return json(method, path, body, signal, true);
    }
    throw new ApiError({ error: 'the run does not answer', hint: 'start it again with `vhlocal up`' }, 0);
  }
  if (!answer.ok) throw new ApiError(await answer.json().catch(() => ({})), answer.status);
  const text = await answer.text();
  if (answer.headers.get('Content-Type')?.startsWith('application/x-ndjson')) {
    return text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line));
  }
  return JSON.parse(text);
}

/** What is at a path: an object, or a list where it is lines of JSON. An ApiError says what is wrong. */
export const get = (path, signal) => json('GET', path, undefined, signal);
/** The same for a change. */
export const post = (path, body = {}, signal) => json('POST', path, body, signal);
/** The same for what is to go. */
export const remove = (path, signal) => json('DELETE', path, undefined, signal);
