"""What loader functions returned, kept from one server to the next: a model is loaded once, not at each edit.

The modules of the project that a loader brings stay imported as well, so that what it returned keeps its classes. All
of it is given up when one of their files changes.
"""

import functools
import hashlib
import importlib
import os
import sys
import time


class Kept:
    """The results of ``loaders``, each ``module:function``, whose modules lie in ``paths``; ``code`` is the project."""

    def __init__(self, loaders, code, paths):
        self._loaders = loaders
        self._code = os.path.realpath(code) + os.sep
        self._paths = paths
        self._files = {}

    def load(self):
        """Call all loaders and put what they return in their places; whatever they raise passes."""
        before = set(sys.modules)
        sys.path[:0] = self._paths
        try:
            for loader in self._loaders:
                began = time.time()
                module, _, name = loader.partition(":")
                _keep(importlib.import_module(module), name)
                yield loader, time.time() - began
        finally:
            del sys.path[: len(self._paths)]
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and os.path.realpath(file).startswith(self._code):
                self._files[file] = _digest(file)

    def modules(self):
        """Return the top-level names of the project's modules that stay imported."""
        found = set()
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) in self._files:
                found.add(name.partition(".")[0])
        return found

    def changed(self):
        """Tell whether a file that a loader's result depends on is not what it was."""
        return any(_digest(file) != digest for file, digest in self._files.items())


def _keep(module, name):
    function = getattr(module, name)
    result = function()

    @functools.wraps(function)
    def kept(*arguments, **named):
        return function(*arguments, **named) if arguments or named else result

    setattr(module, name, kept)


def _digest(file):
    try:
        with open(file, "rb") as content:
            return hashlib.sha256(content.read()).hexdigest()
    except OSError:
        return None
