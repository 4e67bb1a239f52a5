// What an app that is served at the gateway tries at the run's own page, whose origin it knows and whose key it does
// not: returns what came of each try, by its name, as text. `page` and `rebound` are origins, the latter by another name.
async ([page, rebound]) => {
  const ways = [];
  for (const mode of ["cors", "no-cors", "same-origin"])
    for (const credentials of ["include", "omit"]) ways.push({ mode, credentials, cache: "no-store" });

  // Fetch in all modes, under both names; with keys that it makes up, and in the names of methods.
  const looks = ["/", "/static/api.js", "/api/endpoints", "/api/events?kinds=status", "/api/requests", "/findings/VH106"];
  const changes = [["POST", "/api/down"], ["POST", "/api/restart"], ["POST", "/api/replicas"], ["DELETE", "/api/versions/local"]];
  await Promise.all([page, rebound].flatMap((root) => [
    ...looks.flatMap((path) => ways.map((way) =>
      attempt(`look ${root}${path} ${way.mode} ${way.credentials}`, async () => read(await fetch(root + path, way))))),
    ...changes.flatMap(([method, path]) => ways.map((way) =>
      attempt(`change ${method} ${root}${path} ${way.mode} ${way.credentials}`, async () =>
        read(await fetch(root + path, { ...way, method, body: "{}" }))))),
    ...["Bearer x", "Bearer ", `Basic ${btoa("x:y")}`].map((value) =>
      attempt(`change ${root} as ${value}`, async () =>
        read(await fetch(`${root}/api/down`, { method: "POST", headers: { Authorization: value } })))),
  ]));
  await attempt("change keepalive", async () => read(await fetch(`${page}/api/down`, { method: "POST", keepalive: true, mode: "no-cors" })));
  await attempt("change beacon", () => navigator.sendBeacon(`${page}/api/down`, "{}"));
  await attempt("change XMLHttpRequest", () => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.withCredentials = true;
    request.onload = () => done(`${request.status} ${request.responseText}`);
    request.onerror = () => done("refused");
    request.open("POST", `${page}/api/down`);
    request.send();
  }));

  // It guesses where the page is: that something listens there is all that this tells.
  const port = Number(new URL(page).port);
  await Promise.all([-1, 0, 1].map((step) => attempt(`guess ${step}`, async () =>
    read(await fetch(`http://127.0.0.1:${port + step}/api/endpoints`, { mode: "no-cors" })))));

  // Frames, with all that is in a frame.
  const framed = (tag, fill) => new Promise((done) => {
    const frame = Object.assign(document.createElement(tag), { name: `frame-${Math.random()}` });
    const look = () => {
      frame.onload = () => done(frame.contentDocument ? frame.contentDocument.documentElement.outerHTML : "closed");
      frame.onerror = () => done("refused");
      fill(frame);
    };
    // An empty frame is loaded as soon as it is there, and that is not what is waited for.
    if (tag === "iframe") { document.body.append(frame); look(); } else { look(); document.body.append(frame); }
  });
  for (const path of ["/", "/#/overview", "/#key=x", "/api/endpoints", "/api/down"]) {
    await attempt(`frame ${path}`, () => framed("iframe", (frame) => { frame.src = page + path; }));
    await attempt(`frame sandboxed ${path}`, () => framed("iframe", (frame) => {
      frame.sandbox = "allow-scripts allow-same-origin allow-top-navigation allow-forms allow-popups";
      frame.src = page + path;
    }));
    await attempt(`frame object ${path}`, () => framed("object", (frame) => { frame.data = page + path; }));
  }
  await attempt("frame of a frame", () => framed("iframe", (frame) => { frame.srcdoc = `<iframe src="${page}/"></iframe>`; }));
  document.domain = "127.0.0.1";
  await attempt("frame after document.domain", () => framed("iframe", (frame) => { frame.src = `${page}/`; }));

  // Forms.
  for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
    await attempt(`change form ${enctype}`, () => framed("iframe", (frame) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", enctype, action: `${page}/api/down`, target: frame.name });
      form.append(Object.assign(document.createElement("input"), { name: "x", value: "y" }));
      document.body.append(form);
      form.submit();
    }));

  // What stays open, and what is included.
  for (const root of [page, rebound])
    for (const path of ["/", "/api/events?kinds=status", "/api/down"]) {
      await attempt(`socket ${root}${path}`, () => new Promise((done) => {
        const socket = new WebSocket(root.replace("http", "ws") + path, ["Bearer", "x"]);
        socket.onopen = () => done("opened");
        socket.onerror = () => done("refused");
      }));
      await attempt(`events ${root}${path}`, () => new Promise((done) => {
        const source = new EventSource(root + path, { withCredentials: true });
        source.onopen = source.onmessage = () => { done("opened"); source.close(); };
        source.onerror = () => { done("refused"); source.close(); };
      }));
    }
  const included = (tag, attribute, path, more = {}) => attempt(`include ${tag} ${path} ${JSON.stringify(more)}`, () => new Promise((done) => {
    const element = Object.assign(document.createElement(tag), more, { onload: () => done("loaded"), onerror: () => done("refused") });
    element[attribute] = page + path;
    document.body.append(element);
  }));
  for (const path of ["/", "/static/api.js", "/static/page.css", "/static/icon.svg", "/api/endpoints"]) {
    await included("script", "src", path);
    await included("script", "src", path, { type: "module" });
    await included("script", "src", path, { type: "module", crossOrigin: "use-credentials" });
    await included("img", "src", path);
    await included("link", "href", path, { rel: "stylesheet" });
  }
  await attempt("import", async () => JSON.stringify(Object.keys(await import(`${page}/static/api.js`))));
  await attempt("worker", async () => String(new Worker(`${page}/static/page.js`)));

  // Windows: what is opened, who opened this one, what they say and hear.
  const heard = [];
  addEventListener("message", (event) => heard.push(String(event.data)));
  const channel = new BroadcastChannel("vhlocal-key");
  channel.onmessage = (event) => heard.push(JSON.stringify(event.data));
  channel.postMessage("key?");
  channel.postMessage({ key: "x" });
  for (const [name, address] of [["plain", "/"], ["route", "/#/overview"], ["with a key", "/#key=x"], ["api", "/api/endpoints"],
    ["trying", "/#/try?endpoint=walrus&method=POST&path=/asked&body=x&send=1"], ["replaying", "/#/requests?id=1&replay=1&send=1"]]) {
    const opened = window.open(page + address, `opened-${name}`);
    await attempt(`window ${name} document`, async () => {
      for (let look = 0; ; look += 1) {
        await new Promise((done) => setTimeout(done, 50));
        if (opened.closed) return "closed";
        const { document: there } = opened; // throws once the other is of another origin
        if (look === 200) return there.documentElement.outerHTML;
      }
    });
    for (const what of ["location.href", "sessionStorage", "localStorage", "name", "history.length", "frames[0]", "origin", "document.cookie"])
      await attempt(`window ${name} ${what}`, () => what.split(".").reduce((value, part) => value[part], opened));
    await attempt(`window ${name} says`, () => { opened.postMessage("key?", "*"); opened.postMessage({ key: "x" }, "*"); return "said"; });
    await attempt(`window ${name} runs`, () => { opened.location = "javascript:fetch('/api/down',{method:'POST'})"; return "said"; });
    await attempt(`window ${name} closes`, () => { opened.close(); return "said"; });
  }
  await attempt("opener", () => (window.opener === null ? "none" : String(window.opener.location.href)));
  await attempt("parent", () => (window.parent === window ? "none" : String(window.parent.location.href)));
  await attempt("window.name", () => window.name);
  await attempt("referrer", () => document.referrer);
  await attempt("cookies", () => document.cookie);
  await attempt("storage", () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  await attempt("history", () => JSON.stringify([history.state, location.href]));
  await attempt("entries", () => JSON.stringify(performance.getEntries().map((entry) => entry.toJSON())));
  await attempt("navigation", () => JSON.stringify((window.navigation?.entries() ?? []).map((entry) => entry.url)));
  await attempt("databases", async () => JSON.stringify([await indexedDB.databases(), await caches.keys()]));
  await attempt("clipboard", () => navigator.clipboard.readText());

  // Cookies for the whole host, and a worker that notes all that it sees.
  for (const name of ["key", "vhlocal-key", "Authorization", `vhlocal-${port}`]) document.cookie = `${name}=x; path=/; max-age=600`;
  await attempt("look with cookies", async () => read(await fetch(`${page}/api/endpoints`, { mode: "no-cors", credentials: "include" })));
  await attempt("service worker", async () => {
    const registration = await navigator.serviceWorker.register("noting.js");
    await navigator.serviceWorker.ready;
    return `controls ${registration.scope}`;
  });
  await attempt("service worker of the page", async () => String(await navigator.serviceWorker.register(`${page}/static/page.js`)));
  outcome.heard = JSON.stringify(heard);
  return outcome;
}
