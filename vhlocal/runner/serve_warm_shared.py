"""What forks of one process would share, or each have the same of, that servers of their own have for themselves."""

import gc
import os
import random
import sys
import weakref

#: A seed beyond this was drawn from the system and not chosen.
_DRAWN = 1 << 64

_HARMLESS = ("/dev/null", "/dev/random", "/dev/urandom")

_SEED = random.Random.seed


class Traces:
    """What a process holds at one moment that must not be shared: see ``left``."""

    def __init__(self):
        self._descriptors = _links()
        self._children = _children()
        self._memory = _shared_memory()
        self._states = _states()

    def left(self, before):
        """Return what an import since ``before`` has left behind, as the end of a sentence; "" where it is nothing.

        Forks would have one file position, one connection, one lock between them; or a seed that a library has chosen
        would be lost, for they are given new ones.
        """
        opened = self.opened(before)
        if opened:
            return "leaves %s open when it is imported" % _as_said(opened[0])
        if self.started(before):
            return "starts a process when it is imported"
        if self._memory - before._memory:
            return "makes memory or a lock that processes share when it is imported"
        if any(self._states[name] != state for name, state in before._states.items()):
            return "seeds or uses a generator of random numbers when it is imported"
        return ""

    def connects(self, before):
        """Return why what was loaded since ``before`` cannot be kept, "" where it can: files may be read by several."""
        if any(not link.startswith("/") for link in self.opened(before)):
            return "it holds a connection, which cannot be shared by forks"
        if self.started(before):
            return "it starts a process, which cannot be shared by forks"
        return ""

    def started(self, before):
        """Return the ids of the processes that have been started since ``before``."""
        return self._children - before._children

    def opened(self, before):
        """Return what descriptors lead to that there were not ``before``; what has no position of its own aside."""
        news = set(self._descriptors.items()) - set(before._descriptors.items())
        return sorted(link for _, link in news if link not in _HARMLESS)


class Chance:
    """Generators of random numbers that libraries make at their import and seed by chance.

    Forked, they would all go on alike. Those with a chosen seed are left as they are.
    """

    def __init__(self):
        self._generators = weakref.WeakSet()
        self._numpys = []

        def seed(generator, a=None, version=2):
            _SEED(generator, a, version)
            if a is None:
                self._generators.add(generator)
            else:
                self._generators.discard(generator)

        random.Random.seed = seed

    def collect(self):
        """Find those of numpy; call it before garbage collection is set to ignore what is there."""
        numpy = sys.modules.get("numpy.random")
        kinds = [getattr(numpy, name) for name in ("Generator", "RandomState") if hasattr(numpy, name)]
        if kinds:
            self._numpys = [each for each in gc.get_objects() if type(each) in kinds and _is_drawn(_bits(each))]

    def reseed(self):
        """Give each of them, and what libraries have for all, a seed of this process's own."""
        random.Random.seed = _SEED
        random.seed()  # Python does so itself from 3.7 on
        for generator in list(self._generators):
            generator.seed()
        for generator in self._numpys:
            bits = _bits(generator)
            anew = type(bits)().state
            if hasattr(generator, "set_state"):  # it keeps one of each two normal numbers for the next call
                generator.set_state(anew)
            else:
                bits.state = anew
        for name in ("numpy.random", "torch"):
            seed = getattr(sys.modules.get(name), "seed", None)
            if seed is not None:
                seed()


def _children():
    """Return the ids of the processes that this one has started; none where the system does not say."""
    try:
        with open("/proc/self/task/%d/children" % os.getpid()) as file:
            return set(map(int, file.read().split()))
    except OSError:
        return set()


def _as_said(link):
    """Return what a descriptor leads to in words: a path, a connection, or what the kernel names it."""
    return link if link.startswith("/") else "a " + link.replace("anon_inode:", "").partition(":")[0].strip("[]")


def _bits(generator):
    """Return what a generator of numpy's has its bits from; None where numpy is too old to have it."""
    return getattr(generator, "bit_generator", None) or getattr(generator, "_bit_generator", None)


def _is_drawn(bits):
    sequence = getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)
    entropy = getattr(sequence, "entropy", None)
    return isinstance(entropy, int) and entropy >= _DRAWN


def _links():
    """Return what each descriptor of this process leads to."""
    links = {}
    try:
        for number in os.listdir("/proc/self/fd"):
            try:
                links[number] = os.readlink("/proc/self/fd/" + number)
            except OSError:  # the one that reads the directory
                continue
    except OSError:
        pass
    return links


def _shared_memory():
    """Return the places of writable memory that forks have in common."""
    try:
        with open("/proc/self/maps") as maps:
            return {line.split(" ", 1)[0] for line in maps if line.split(" ", 2)[1] == "rw-s"}
    except OSError:
        return set()


def _states():
    states = {"random": random.getstate()}
    numpy = sys.modules.get("numpy.random")
    if numpy is not None and hasattr(numpy, "get_state"):
        state = numpy.get_state()
        states["numpy"] = (state[1].tobytes(), state[2:])
    return states
