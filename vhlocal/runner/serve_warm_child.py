"""A forked process becomes a server: what its command would have been as a process of its own."""

import builtins
import faulthandler
import importlib.machinery
import os
import runpy
import signal
import sys
import time
import traceback
import types

import serve_warm_family
import serve_warm_held
import serve_warm_imports
import serve_warm_network
import serve_warm_profile
import serve_warm_protocol
import serve_warm_reloaders

#: Bytes of a traceback that are reported: escaped as JSON they may take twice as many.
_TOLD = 1800

#: Bytes of a report that go beside a list.
_BESIDE = 200

_HERE = os.path.dirname(os.path.realpath(__file__))

#: Asks a process where its Python code is; nobody else uses it.
WHERE = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else None

#: Gunicorn's exit code where a worker could not begin.
NOT_BOOTED = 3

#: The server that this process is, or None in the runner's own processes.
current = None


def asking():
    """Return what notes the things that only one can have and this process asks for; None where it is no server."""
    return None if current is None else current.asked


class Server:
    """What one forked server knows and reports.

    ``number`` counts the servers of a container, ``port`` is where it listens instead of the port that its code
    knows: several servers, old and new, live side by side. ``report`` is the pipe to the supervisor, ``stacks`` the one
    for answers to ``WHERE``, ``streams`` are stdout and stderr.
    """

    def __init__(self, number, port, settings, pipes, base):
        self.number = number
        self.port = port
        self.settings = settings
        self.report, self.stacks, self.streams = pipes
        self.base = base
        self._told = (0, {})
        self._loaded = 0
        self.asked = serve_warm_held.Asked(settings["code"], self.tell)

    def tell(self, **facts):
        """Report to the supervisor. What is too long to go through the pipe in one piece is left out."""
        message = dict(facts, number=self.number, pid=os.getpid())
        if len(serve_warm_protocol.encode(message)) > serve_warm_protocol.LONGEST:
            message = dict(message, environment=None)
        serve_warm_protocol.write(self.report, message)

    def imports(self, name):
        """Report that a module is about to be imported, and under which environment, where that has changed."""
        told = (os.getpid(), serve_warm_imports.changes(self.base))
        if told != self._told:
            self._told = told
            self.tell(event="environment", environment=told[1])
        self.tell(event="import", name=name)

    def begin_worker(self):
        """A process that Gunicorn has forked is about to import the code. It ends when Gunicorn's master does."""
        serve_warm_family.die_with(os.getppid())
        self.tell(event="loading")

    def loaded(self):
        """Report, once in each process, under which environment the code has been loaded."""
        if self._loaded != os.getpid():
            self._loaded = os.getpid()
            self.tell(event="loaded", at=time.monotonic(), environment=serve_warm_imports.changes(self.base))

    def serves(self, workers, threads):
        """Report how many requests are answered at once: by so many workers, each with so many threads."""
        self.tell(event="serves", workers=workers, threads=threads)

    def left_out(self, library):
        """Report that the code has asked for a library's reloader, which is left out."""
        self.tell(event="left_out", library=library)

    def failed(self, text, error):
        """Report why the code could not be loaded: a traceback's end, as much as goes through the pipe in one piece.

        ``error`` is what it ends by: what it was refused is reported as well.
        """
        self.asked.end(error)
        self.tell(event="failed", text=text.encode("utf-8", "replace")[-_TOLD:].decode("utf-8", "ignore"))

    def run(self, main):
        """Run ``main`` as if it had been started alone. Returns when it does."""
        global current
        current = self
        self._settle()
        # Where no edit is ever brought in, a reloader finds nothing to do.
        then = serve_warm_reloaders.leave_out(self.left_out) if self.settings["warm"] else {}
        then.update(serve_warm_network.lead(self, told_by_loading=main.kind == "wsgi"))
        recorder = serve_warm_imports.Recorder(self.settings["code"], self.imports, self._stopwatch(), then)
        sys.meta_path.insert(0, recorder)
        sys.excepthook = _without_ours
        self.asked.listen()
        pose_as(main)
        try:
            {"wsgi": _run_wsgi, "file": _run_file, "module": _run_module}[main.kind](main)
        except SystemExit as error:
            self.asked.end(error)
            raise

    def _stopwatch(self):
        """Return what measures the imports of the first server, if they are to be measured: the others are no start."""
        if not self.settings["profile"] or self.number != 1:
            return None
        return serve_warm_profile.Stopwatch(
            lambda modules: self.tell(event="imported", modules=modules), serve_warm_protocol.LONGEST - _BESIDE
        )

    def _settle(self):
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        for number, stream in enumerate(self.streams, 1):
            os.dup2(stream, number)
        if WHERE is not None:
            faulthandler.register(WHERE, file=self.stacks, all_threads=False)


def pose_as(main):
    """Let ``sys`` and ``__main__`` be as they are where ``main`` is a process of its own.

    Libraries read them when they are imported; and whoever starts the server again, or more processes of it, begins
    with them.
    """
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = main.words
    # The list is changed, not replaced: a library that was imported before may have kept it.
    sys.argv[:] = {"wsgi": main.words[1:], "file": [main.target, *main.arguments], "module": ["-m", *main.arguments]}[
        main.kind
    ]
    module = types.ModuleType("__main__")
    module.__builtins__ = builtins
    module.__annotations__ = {}
    if main.kind == "file":
        module.__file__ = _as_main_file(main.target)
        module.__cached__ = None
        module.__loader__ = importlib.machinery.SourceFileLoader("__main__", module.__file__)
    sys.modules["__main__"] = module


def _as_main_file(path):
    return os.path.join(os.getcwd(), path) if sys.version_info >= (3, 9) else path


def _search_first(directory):
    """Let modules be looked for in ``directory`` where they were in the runner's."""
    here = [number for number, path in enumerate(sys.path) if os.path.realpath(path or ".") == _HERE]
    for number in here:
        sys.path[number : number + 1] = [] if getattr(sys.flags, "safe_path", False) else [directory]


def _run_wsgi(main):
    import serve_wsgi

    serve_wsgi.main()


def _run_file(main):
    _search_first(os.path.dirname(os.path.realpath(main.target)))
    module = sys.modules["__main__"]
    with open(main.target, "rb") as script:
        code = compile(script.read(), module.__file__, "exec", dont_inherit=True)
    exec(code, module.__dict__)


def _run_module(main):
    _search_first(os.getcwd() if sys.version_info >= (3, 7) else "")
    runpy._run_module_as_main(main.target)  # what `python -m` itself calls


def _without_ours(kind, error, frames):
    """Print a traceback without the runner's frames."""
    while frames is not None and os.path.dirname(os.path.realpath(frames.tb_frame.f_code.co_filename)) == _HERE:
        frames = frames.tb_next
    traceback.print_exception(kind, error, frames)
    current.failed("".join(traceback.format_exception(kind, error, frames)), error)
