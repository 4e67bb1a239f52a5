// What a hostile page tries at a run's own origin: returns what came of each try, by its name, as text.
async (root) => {
  const looks = ["/", "/api/endpoints", "/api/logs", "/api/logs?follow&tail=9", "/api/requests?tail=9", "/api/profile", "/metrics"];
  const ways = [];
  for (const mode of ["cors", "no-cors", "same-origin"])
    for (const credentials of ["include", "omit"]) ways.push({ mode, credentials, cache: "no-store" });

  // Side by side: some wait for what is printed next.
  await Promise.all(looks.flatMap((path) => [
    ...ways.map((way) => attempt(`look ${path} ${way.mode} ${way.credentials}`, async () => read(await fetch(root + path, way)))),
    attempt(`look ${path} XMLHttpRequest`, () => new Promise((done) => {
      const request = new XMLHttpRequest();
      request.withCredentials = true;
      request.onprogress = () => { done(`${request.status} ${request.responseText}`); request.abort(); };
      request.onerror = () => done("refused");
      request.onload = () => done(`${request.status} ${request.responseText}`);
      request.open("GET", root + path);
      request.send();
    })),
  ]));

  for (const method of ["POST", "PUT", "DELETE", "PATCH"])
    for (const way of ways)
      await attempt(`end ${method} ${way.mode} ${way.credentials}`, async () =>
        read(await fetch(`${root}/api/down`, { ...way, method, body: "x" })));
  for (const [name, value] of [["Authorization", "Bearer x"], ["X-HTTP-Method-Override", "POST"], ["Content-Type", "application/json"]])
    await attempt(`end with ${name}`, async () =>
      read(await fetch(`${root}/api/down`, { method: "POST", credentials: "include", headers: { [name]: value }, body: "{}" })));
  await attempt("end keepalive", async () => read(await fetch(`${root}/api/down`, { method: "POST", keepalive: true, mode: "no-cors" })));
  await attempt("end beacon", () => navigator.sendBeacon(`${root}/api/down`, "x"));

  const framed = (fill) => new Promise((done) => {
    const frame = Object.assign(document.createElement("iframe"), { name: `frame-${Math.random()}` });
    document.body.append(frame);
    frame.onload = () => done(frame.contentDocument === null ? "closed" : frame.contentDocument.documentElement.outerHTML);
    fill(frame);
  });
  for (const path of ["/", "/api/endpoints"]) await attempt(`frame ${path}`, () => framed((frame) => { frame.src = root + path; }));
  for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
    await attempt(`end form ${enctype}`, () => framed((frame) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", enctype, action: `${root}/api/down`, target: frame.name });
      form.append(Object.assign(document.createElement("input"), { name: "x", value: "y" }));
      document.body.append(form);
      form.submit();
    }));

  for (const path of ["/", "/api/logs?follow&tail=9", "/api/down"]) {
    await attempt(`socket ${path}`, () => new Promise((done) => {
      const socket = new WebSocket(root.replace("http", "ws") + path);
      socket.onopen = () => done("opened");
      socket.onerror = () => done("refused");
    }));
    await attempt(`events ${path}`, () => new Promise((done) => {
      const source = new EventSource(root + path, { withCredentials: true });
      source.onopen = source.onmessage = () => { done("opened"); source.close(); };
      source.onerror = () => { done("refused"); source.close(); };
    }));
  }

  const included = (tag, attribute, path, more = {}) => attempt(`include ${tag} ${path}`, () => new Promise((done) => {
    const element = Object.assign(document.createElement(tag), more, { onload: () => done("loaded"), onerror: () => done("refused") });
    element[attribute] = root + path;
    document.body.append(element);
  }));
  for (const path of ["/", "/api/endpoints", "/metrics"]) {
    await included("script", "src", path);
    await included("script", "src", path, { type: "module", crossOrigin: "use-credentials" });
    await included("img", "src", path);
    await included("link", "href", path, { rel: "stylesheet" });
  }

  await attempt("window", async () => {
    const opened = window.open(`${root}/`);
    if (!opened) return "blocked";
    try {
      for (;;) {
        await new Promise((done) => setTimeout(done, 100));
        // Throws where the other is of another origin.
        const there = opened.document;
        if (opened.location.href !== "about:blank" && there.readyState === "complete") return there.documentElement.outerHTML;
      }
    } finally {
      opened.close();
    }
  });
  await attempt("cookie", () => document.cookie);
  await attempt("referrer", () => document.referrer);
  return outcome;
}
