"""Gunicorn's own workers, with one question more after the import: is the application WSGI or ASGI (R5)?

The callable has to be imported to be asked, and it must not be imported twice nor in the master. So the worker that
Gunicorn would have used imports it as ever, and when it turns out to be ASGI gives its place to an ASGI worker.
"""

import importlib
import signal
import sys

import gunicorn
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.sync import SyncWorker

#: In order of preference: Uvicorn's, in its two homes, then Gunicorn's own (24 and newer), under which
#: ``request.is_disconnected()`` turns true while the client is still there (see ``serve_wsgi_disconnect``).
ASGI_WORKERS = (
    ("uvicorn_worker", "UvicornWorker"),
    ("uvicorn.workers", "UvicornWorker"),
    ("gunicorn.workers.gasgi", "ASGIWorker"),
)


def worker_class(cfg):
    """Return the ``worker_class`` setting to use: the user's own choice stays, Gunicorn's default learns ASGI."""
    chosen = cfg.settings["worker_class"].get()
    if chosen != "sync" and not str(chosen).endswith("SyncWorker"):
        return chosen
    return __name__ + (".ThreadsOrAsgi" if cfg.threads > 1 else ".SyncOrAsgi")


def threads(cfg):
    """Return how many requests one worker answers at once, where the application is WSGI; None where it is not known.

    That is so of Gunicorn's own workers of processes and threads: all others take as many as come.
    """
    chosen = str(cfg.settings["worker_class"].get())
    if chosen == __name__ + ".SyncOrAsgi":
        return 1
    return cfg.threads if chosen in (__name__ + ".ThreadsOrAsgi", "gthread") else None


class _OrAsgi:
    """What both of Gunicorn's default workers get; comes first among the bases."""

    def load_wsgi(self):
        super().load_wsgi()
        if self.app.asgi:
            self._serve_asgi()

    def _serve_asgi(self):
        """Let an ASGI worker take over this process. Does not return."""
        asgi_worker = _asgi_worker_class()
        if asgi_worker is None:
            sys.stderr.write(
                "wsgi: %s could not be loaded: it is an ASGI application, and Gunicorn %s serves WSGI only; "
                "add uvicorn (and, from Gunicorn 22 on, uvicorn-worker) to the requirements, or gunicorn>=25\n"
                % (self.app.app_uri, gunicorn.__version__)
            )
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR)
        signal.set_wakeup_fd(-1)  # the event loop brings its own
        worker = asgi_worker(self.age, self.ppid, self.sockets, self.app, self.timeout, self.cfg, self.log)
        worker.pid = self.pid
        worker.tmp.close()
        worker.tmp = self.tmp  # the file whose age the master takes for this worker's heartbeat
        self.log.info("Serving an ASGI application with %s.%s", asgi_worker.__module__, asgi_worker.__name__)
        try:
            worker.init_process()
        finally:
            self.booted = worker.booted  # the master's fork tells a failed boot (exit 3) from a later crash by this
        sys.exit(0)


class SyncOrAsgi(_OrAsgi, SyncWorker):
    """Gunicorn's ``sync`` worker, or an ASGI one."""


class ThreadsOrAsgi(_OrAsgi, ThreadWorker):
    """Gunicorn's ``gthread`` worker, or an ASGI one."""


def _asgi_worker_class():
    for module, name in ASGI_WORKERS:
        try:
            return getattr(importlib.import_module(module), name)
        except ImportError:
            continue
    return None
