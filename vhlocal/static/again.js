// Within the page itself, since it has to be there where a file of the page could not be loaded: a browser ends what is on
// its way when a network of this machine changes, as those of containers do. Then the page is loaded again.
addEventListener('error', ({ target }) => {
  if (!(target instanceof HTMLScriptElement || target instanceof HTMLLinkElement)) return;
  try {
    const tries = Number(sessionStorage.getItem('vhlocal-tries')) + 1;
    sessionStorage.setItem('vhlocal-tries', tries);
    if (tries <= 5) setTimeout(() => location.reload(), 200 * tries);
  } catch { /* the browser keeps nothing: nobody would count */ }
}, true);
