"""How long each import of a server takes, by itself and with all that it imports, as ``-X importtime`` reports it.

The server measures it and keeps it from the user's code: Python's own option would write to its stderr, and show in its
environment. It does not show in the server's tracebacks either, as a wrapped loader would: Python's import itself says
in a module's spec when it begins and ends, and the spec passes that on.
"""

import json
import threading
import time
from importlib.machinery import ModuleSpec

_clock = time.perf_counter

#: Where a spec keeps its import.
_KEY = "_vhlocal_import"


class Stopwatch:
    """Measures the modules that are found from now on; ``tell`` gets lists of ``[name, own, all, importer, mine]``.

    ``own`` and ``all`` are seconds without and with what the module itself imports, ``importer`` is the name of the
    module that imported it first, "" for none, ``mine`` is whether it is the project's. A list comes
    whenever an import ends that no other import waits for; as JSON it takes no more than ``longest`` bytes.
    """

    def __init__(self, tell, longest):
        self._tell = tell
        self._longest = longest
        self._threads = threading.local()

    def measure(self, spec, began, mine):
        """Measure a module that has just been found, which was begun at a time of ``time.perf_counter``."""
        if type(spec) is ModuleSpec:
            vars(spec)[_KEY] = _Import(self._thread(), spec.name, began, mine)
            spec.__class__ = _Spec

    def _thread(self):
        if not hasattr(self._threads, "it"):
            self._threads.it = _Thread(self._tell_all)
        return self._threads.it

    def _tell_all(self, entries):
        for piece in _pieces(entries, self._longest):
            self._tell(piece)


class _Thread:
    """One thread's imports: ``waiting`` are those that have not ended, the innermost last, ``inside`` theirs."""

    def __init__(self, tell):
        self.tell = tell
        self.waiting = []
        self.ended = []

    def inside(self):
        return self.waiting[-1].inside if self.waiting else 0.0

    def end(self, ended):
        if ended not in self.waiting:
            return
        self.waiting.remove(ended)
        if self.waiting:
            self.waiting[-1].inside += ended.seconds
        own = max(0.0, ended.seconds - ended.inside)
        self.ended.append([ended.name, round(own, 6), round(ended.seconds, 6), ended.importer, ended.mine])
        if not self.waiting:
            told, self.ended = self.ended, []
            self.tell(told)


class _Import:
    """One module's import. ``inside`` are the seconds that others took meanwhile."""

    def __init__(self, thread, name, began, mine):
        self._thread = thread
        self._began = began
        self._before = thread.inside()
        self.name = name
        self.mine = mine
        self.importer = thread.waiting[-1].name if thread.waiting else ""
        self.inside = 0.0
        self.seconds = 0.0

    def begin(self):
        # What a module in C imports while it is loaded came in between, and is this module's.
        if self._thread.waiting:
            self.inside = self._thread.inside() - self._before
            self._thread.waiting[-1].inside = self._before
        self._thread.waiting.append(self)

    def end(self):
        self.seconds = _clock() - self._began
        self._thread.end(self)


class _Spec(ModuleSpec):
    """A module's spec while the module is imported: a plain one again from then on."""

    @property
    def _initializing(self):
        return vars(self).get("_initializing", False)

    @_initializing.setter
    def _initializing(self, value):
        facts = vars(self)
        facts["_initializing"] = value
        if value:
            facts[_KEY].begin()
        else:
            self.__class__ = ModuleSpec
            facts.pop(_KEY).end()


def _pieces(entries, longest):
    piece, size = [], 2
    for entry in entries:
        length = len(json.dumps(entry)) + 2
        if piece and size + length > longest:
            yield piece
            piece, size = [], 2
        piece.append(entry)
        size += length
    if piece:
        yield piece
