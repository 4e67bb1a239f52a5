"""Serve ``wsgi: TARGET`` with Gunicorn, as ``python serve_wsgi.py TARGET`` in the code's directory (R4, R5, R7).

Gunicorn's own settings stay the user's (``gunicorn.conf.py``, ``GUNICORN_CMD_ARGS``), except for the address.
"""

import builtins
import io
import logging
import os
import sys
import types

import gunicorn.http.wsgi
import serve_wsgi_disconnect
import serve_wsgi_prefix
import serve_wsgi_target
import serve_wsgi_worker
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.arbiter import Arbiter

DEFAULT_PORT = "8000"


class EndpointApplication(WSGIApplication):
    """Gunicorn's own application, given where to listen and how to find, recognise and wrap the callable."""

    #: Whether the callable is an ASGI application; known once it is loaded.
    asgi = False

    def load_default_config(self):
        super().load_default_config()
        if "control_socket_disable" in self.cfg.settings:  # Gunicorn 25.1 would leave a socket in the home directory
            self.cfg.set("control_socket_disable", True)

    def load_config(self):
        super().load_config()
        self.cfg.set("bind", "0.0.0.0:" + os.environ.get("VALOHAI_PORT", DEFAULT_PORT))
        self.cfg.set("worker_class", serve_wsgi_worker.worker_class(self.cfg))

    def load(self):
        """Return the callable, wrapped; on failure explain it and end as Gunicorn ends a failed boot (exit 3)."""
        server = _forked()
        if server is not None:
            server.begin_worker()
        try:
            application = serve_wsgi_target.load(self.app_uri)
        except (Exception, SystemExit) as error:
            if self.cfg.reload and isinstance(error, SyntaxError):  # Gunicorn's --reload waits for the next save
                raise
            text = serve_wsgi_target.explain(self.app_uri, error)
            if server is not None:
                server.failed(text, error)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None
        if server is not None:
            server.loaded()
        self.asgi = serve_wsgi_target.is_asgi(application)
        threads = serve_wsgi_worker.threads(self.cfg)
        if server is not None and threads and serve_wsgi_target.is_wsgi(application) and not self.asgi:
            server.serves(self.cfg.workers, threads)
        if not self.asgi and not serve_wsgi_target.is_wsgi(application):
            return application  # what a worker of the user's own choice takes: aiohttp's, Tornado's
        script_name = os.environ.get("SCRIPT_NAME", "")
        if self.asgi:
            return serve_wsgi_prefix.wrap_asgi(serve_wsgi_disconnect.Watched(application), script_name)
        return serve_wsgi_prefix.wrap_wsgi(application, script_name)


#: How Gunicorn's lines on starts and ends begin. A successful reload prints none of them.
_STARTS = ("Starting gunicorn", "Listening at", "Using worker", "Booting worker", "Serving an ASGI application")
_ENDS = ("Handling signal", "Worker exiting", "Shutting down")


class _Quiet(logging.Filter):
    """Drops lines that begin with one of ``beginnings``."""

    def __init__(self, beginnings):
        super().__init__()
        self._beginnings = beginnings

    def filter(self, record):
        return record.levelno > logging.INFO or not str(record.msg).startswith(self._beginnings)


def _forked():
    """Return the server that this process is, where it was forked from a warm master, else None."""
    child = sys.modules.get("serve_warm_child")
    return None if child is None else child.current


class _OsWithoutScriptName:
    """``os`` as Gunicorn's request parser sees it.

    Gunicorn reads ``SCRIPT_NAME`` there at each request and answers 500 to a path that does not begin with it, alias
    paths included (R8). The application still finds the variable in the real ``os.environ`` (P5).
    """

    def __init__(self):
        self.environ = {name: value for name, value in os.environ.items() if name != "SCRIPT_NAME"}

    def __getattr__(self, name):
        return getattr(os, name)


#: Streams that others have replaced: whoever has kept one may go on writing to it.
_replaced = []


def _line_buffered(stream):
    """Return ``stream``, or another in its place, flushed after each line even where it is a pipe."""
    if hasattr(stream, "reconfigure"):  # from Python 3.7 on
        stream.reconfigure(line_buffering=True)
        return stream
    _replaced.append(stream)
    return io.TextIOWrapper(stream.buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True)


def _pose_as_gunicorn():
    """Let ``__main__`` be that of Gunicorn's own command: processes that the code spawns import it again."""
    module = types.ModuleType("__main__")
    module.__builtins__ = builtins
    # PREFIX/lib/python3.x/site-packages/gunicorn/__init__.py, and PREFIX/bin/gunicorn
    script = os.path.join(os.path.abspath(gunicorn.__file__), *[os.pardir] * 5, "bin", "gunicorn")
    if os.path.isfile(os.path.normpath(script)):
        module.__file__ = os.path.normpath(script)
    sys.modules["__main__"] = module


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: serve_wsgi.py MODULE[:CALLABLE]")
    sys.stdout = sys.__stdout__ = _line_buffered(sys.stdout)
    sys.stderr = sys.__stderr__ = _line_buffered(sys.stderr)
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [os.getcwd()] + [path for path in sys.path if os.path.realpath(path or ".") != here]
    _pose_as_gunicorn()
    gunicorn.http.wsgi.os = _OsWithoutScriptName()
    server = _forked()
    if server is not None:
        quiet = _ENDS if server.number == 1 else _STARTS + _ENDS
        logging.getLogger("gunicorn.error").addFilter(_Quiet(quiet))
    EndpointApplication("%(prog)s MODULE[:CALLABLE]").run()


if __name__ == "__main__":
    main()
