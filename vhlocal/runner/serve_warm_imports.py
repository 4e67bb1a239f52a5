"""Reports what a server's code imports, and under which environment, as it happens, so that a master can learn it."""

import os
import sys
import time

#: What Gunicorn itself sets before it imports anything of the user's.
_GUNICORNS = ("SERVER_SOFTWARE",)


class Recorder:
    """The first finder on ``sys.meta_path``: finds what the others find, and reports what is not the project's own.

    ``tell`` gets the name of each module that is about to be imported; ``stopwatch``, where there is one, measures all.
    ``then`` has functions by module name, called with the module once it is imported.
    """

    def __init__(self, code, tell, stopwatch=None, then=None):
        self._code = os.path.realpath(code) + os.sep
        self._tell = tell
        self._stopwatch = stopwatch
        self._then = then or {}
        self._finding = set()

    def find_spec(self, name, path=None, target=None):
        """See ``importlib.abc.MetaPathFinder``."""
        if name in self._finding:
            return None
        self._finding.add(name)
        began = time.perf_counter()
        try:
            for finder in list(sys.meta_path):
                find = getattr(finder, "find_spec", None)
                spec = find(name, path, target) if find is not None and finder is not self else None
                if spec is not None:
                    self._found(name, spec, began)
                    return spec
        finally:
            self._finding.discard(name)
        return None

    def _found(self, name, spec, began):
        mine = is_within(spec, self._code)
        # What runs as the program itself is begun anew in each server.
        if not name.endswith("__main__") and not mine:
            self._tell(name)
        if name in self._then and spec.loader is not None:
            follow(spec.loader, self._then[name])
        if self._stopwatch is not None:
            self._stopwatch.measure(spec, began, mine)


def follow(loader, then):
    """Have ``then`` called with what ``loader`` has imported."""
    execute = loader.exec_module

    def followed(module):
        execute(module)
        then(module)

    loader.exec_module = followed


def is_within(spec, directory):
    """Tell whether a module lies in ``directory``, given as a real path that ends in a slash."""
    places = [spec.origin] if spec.has_location and spec.origin else []
    places += list(spec.submodule_search_locations or ())
    return any((os.path.realpath(place) + os.sep).startswith(directory) for place in places)


def environment():
    """Return a copy of the process's environment."""
    return dict(os.environ)


def changes(base):
    """Return what differs in the environment from ``base``: new values by name, None for what is gone."""
    now = environment()
    changed = {name: value for name, value in now.items() if base.get(name) != value and name not in _GUNICORNS}
    changed.update((name, None) for name in base if name not in now)
    return changed


def set_environment(base, changed):
    """Make the environment ``base`` with some changes."""
    wanted = dict(base)
    for name, value in changed.items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted[name] = value
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
