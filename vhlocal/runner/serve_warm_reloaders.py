"""Servers' own reloaders, left out of forks: vhlocal brings in each save, and in production there are none to bring in.

One that ran would read the files of an edit in the old server: it would answer new code under an old revision, and
broken code would take it with it. And a server that waits for the next save where its code cannot be loaded, or answers
with the traceback, would not be known to be broken.
"""

import functools
import inspect
import os
import sys


def leave_out(say):
    """Leave out the reloaders of libraries; ``say`` gets the name of each that a server has asked for.

    Done for what is imported already; returned is what is to be called with other modules, by name, once they are.
    """
    waiting = {name: functools.partial(_apply, change, say) for name, change in _CHANGES.items()}
    for name in [name for name in waiting if name in sys.modules]:
        waiting.pop(name)(sys.modules[name])
    return waiting


def _apply(change, say, module):
    try:
        change(module, say)
    except (AttributeError, ValueError, TypeError):
        pass  # another version of it, whose reloader then does what it does


def _bottle(module, say):
    module.run = _without("reloader", module.run, "bottle", say)


def _cherrypy(module, say):
    # It is on unless it is switched off, and nobody waits for what it does.
    module.Autoreloader.start = lambda self: say("CherryPy")


def _django(module, say):
    def run_with_reloader(main_func, *args, **kwargs):
        say("Django")
        main_func(*args, **kwargs)

    if hasattr(module, "run_with_reloader"):
        module.run_with_reloader = run_with_reloader
    else:  # before 2.2
        module.main = lambda main_func, args=None, kwargs=None: run_with_reloader(
            main_func, *args or (), **kwargs or {}
        )
    if "runserver" in sys.argv and "--noreload" not in sys.argv:
        os.environ["RUN_MAIN"] = "true"  # by this, code knows the process that serves


def _gunicorn(module, say):
    validate = module.Reload.validator

    def validator(value):
        if validate(value):
            say("Gunicorn")
        return False

    module.Reload.validator = staticmethod(validator)
    if hasattr(module, "ControlSocketDisable"):  # from 25.1 on: one socket in the home directory, which servers share
        module.ControlSocketDisable.default = True


class _Monitored:
    """What hupper gives a process that it watches over."""

    def watch_files(self, files):
        """Watch nothing."""

    def trigger_reload(self):
        """Leave it to vhlocal."""

    def graceful_shutdown(self):
        """Leave it to vhlocal."""


def _hupper_worker(module, say):
    if "--reload" in sys.argv:
        say("hupper")
        module._reloader_proxy = _Monitored()


def _hupper(module, say):
    def start_reloader(*args, **kwargs):
        say("hupper")
        return _Monitored()

    module.start_reloader = start_reloader


def _hypercorn(module, say):
    module.Config.use_reloader = property(lambda self: False, lambda self, value: value and say("Hypercorn"))


def _quart(module, say):
    module.Quart.run = _without("use_reloader", module.Quart.run, "Quart", say)


def _sanic(module, say):
    should = module.StartupMixin.should_auto_reload.__func__
    module.StartupMixin.should_auto_reload = classmethod(lambda cls: bool(should(cls) and say("Sanic")))


def _streamlit(module, say):
    os.environ.setdefault("STREAMLIT_SERVER_FILE_WATCHER_TYPE", "none")


def _tornado(module, say):
    module.start = lambda *args, **kwargs: say("Tornado")


def _uvicorn(module, say):
    should = module.Config.should_reload.fget
    module.Config.should_reload = property(lambda self: bool(should(self) and say("Uvicorn")))


def _werkzeug(module, say):
    def run_with_reloader(main_func, *args, **kwargs):
        say("Werkzeug")
        os.environ["WERKZEUG_RUN_MAIN"] = "true"  # by this, code knows the process that serves
        main_func()

    module.run_with_reloader = run_with_reloader


def _without(name, function, library, say):
    """Return ``function`` whose argument ``name`` is False, whatever it is called with."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def without(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.arguments[name]:
            say(library)
        bound.arguments[name] = False
        return function(*bound.args, **bound.kwargs)

    return without


#: What is changed in which module.
_CHANGES = {
    "bottle": _bottle,
    "cherrypy.process.plugins": _cherrypy,
    "django.utils.autoreload": _django,
    "gunicorn.config": _gunicorn,
    "hupper.reloader": _hupper,
    "hupper.worker": _hupper_worker,
    "hypercorn.config": _hypercorn,
    "quart.app": _quart,
    "sanic.mixins.startup": _sanic,
    "streamlit.config": _streamlit,
    "tornado.autoreload": _tornado,
    "uvicorn.config": _uvicorn,
    "werkzeug._reloader": _werkzeug,
}
