"""What the master is to import, learnt from what servers import; and what it must leave to them. Pure."""

import hashlib

import serve_warm_master


class Learning:
    """``known`` are module names from earlier runs, ``denied`` maps top-level names to why they are left to servers."""

    def __init__(self, known, denied):
        self._modules = {name: {} for name in known}
        self._denied = dict(denied)
        self._reference = None
        self._unsteady = set()
        #: Whether something was learnt since the modules were last asked for.
        self.has_news = False

    @property
    def known(self):
        """Whether there is anything to import."""
        return bool(self._modules)

    @property
    def denied(self):
        """The top-level names that the master is not to import."""
        return set(self._denied) | set(serve_warm_master.NOT_FORKED)

    def learn(self, name, environment):
        """Note that a server is about to import a module, and what the environment differed in; None where unknown."""
        if name not in self._modules:
            self._modules[name] = environment
            self.has_news = True
            top = name.partition(".")[0]
            if top in serve_warm_master.NOT_FORKED:
                self._denied.setdefault(top, "is known not to survive a fork")

    def deny(self, name, why):
        """Leave a top-level module to the servers from now on."""
        self._denied[name] = why
        self.has_news = True

    def forget(self, names):
        """Forget modules that belong to the project, by their top-level names."""
        for name in [name for name in self._modules if name.partition(".")[0] in names]:
            del self._modules[name]

    def modules(self):
        """Return what to import, without what is denied: groups of names, each with what the environment differs in."""
        self.has_news = False
        denied = self.denied
        groups = []
        for name, changes in self._modules.items():
            if changes is None or name.partition(".")[0] in denied:
                continue
            if not groups or groups[-1][0] != changes:
                groups.append((changes, []))
            groups[-1][1].append(name)
        return groups

    def is_stale(self, environment, warm):
        """Tell whether a server found another environment at its imports than the master had.

        A cold server's environment is the measure for those that follow. A variable that is never twice the same, such
        as a time, says nothing.
        """
        found = {name: _fingerprint(value) for name, value in environment.items()}
        reference, self._reference = self._reference, found
        if reference is None or not warm:
            return False
        differing = {name for name in found.keys() | reference.keys() if found.get(name) != reference.get(name)}
        news = differing - self._unsteady
        self._unsteady |= news
        return bool(news)

    def facts(self, changed):
        """Return what a later run begins with. What was imported under variables of the code's own is left out.

        ``changed`` are those that imported modules have set themselves.
        """
        made = set(changed.items())
        return {
            "modules": [
                name for name, changes in self._modules.items() if changes is not None and set(changes.items()) <= made
            ],
            "denied": self._denied,
        }


def _fingerprint(value):
    return None if value is None else hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
