"""From a ``wsgi:`` target to the callable that it names (R4), and what to say when that fails."""

import importlib
import inspect
import os
import sys
import traceback

import gunicorn
from gunicorn import util
from gunicorn.errors import AppImportError


class TargetError(Exception):
    """The target was imported, or could not even be looked for, and names nothing that can be served."""


def load(target):
    """Import the callable that ``target`` names (R4).

    ``module:callable`` and ``module:factory(...)`` are Gunicorn's. A bare ``module`` means its ``application``, then
    its ``app``; ``module.name`` means that attribute where no such module exists. Raises TargetError, Gunicorn's
    AppImportError, or whatever the user's code raises.
    """
    module = target.partition(":")[0]
    if module.endswith(".py") and os.path.exists(module):
        raise TargetError("it names a file; write the module instead: %s" % target.replace(".py", "", 1))
    if ":" in target:
        return util.import_app(target)
    try:
        loaded = importlib.import_module(target)
    except ModuleNotFoundError as error:
        parent, _, name = target.rpartition(".")
        if not parent or error.name != target:
            raise
        return _attribute(importlib.import_module(parent), parent, name)
    if hasattr(loaded, "application"):
        return _attribute(loaded, target, "application")
    if not hasattr(loaded, "app"):
        raise TargetError("%s has neither `application` nor `app`; write %s:NAME" % (target, target))
    _say(
        "wsgi: %s has no `application`, so its `app` is served. "
        "Gunicorn alone would not find it: write %s:app" % (target, target)
    )
    return _attribute(loaded, target, "app")


def _attribute(module, module_name, name):
    if not hasattr(module, name):
        raise TargetError("there is no module %s.%s, and %s has no `%s`" % (module_name, name, module_name, name))
    value = getattr(module, name)
    if not callable(value):
        raise TargetError("`%s` of %s is not callable" % (name, module_name))
    return value


def is_asgi(application):
    """Tell whether ``application`` is ASGI: a coroutine function of three arguments, or what needs three."""
    if inspect.isclass(application):
        return False
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(
        getattr(application, "__call__", None)  # noqa: B004 - the method itself is wanted, even one set on the object
    ):
        return _takes(application, 3)
    try:
        parameters = inspect.signature(application).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [entry for entry in parameters if entry.kind in positional and entry.default is entry.empty]
    return len(required) == 3


def is_wsgi(application):
    """Tell whether ``application`` can be called as WSGI is: with an environment and a function."""
    return not inspect.iscoroutinefunction(application) and _takes(application, 2)


def _takes(application, count):
    """Tell whether it can be called with so many arguments; what nobody can tell is taken to."""
    try:
        signature = inspect.signature(application)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def explain(target, error):
    """Print the user's own part of the traceback, and below it one line that says what failed; return all of it."""
    if isinstance(error, SystemExit):
        reason = "the code ended the process while it was imported (exit %r)" % (error.code,)
    elif isinstance(error, (TargetError, AppImportError)):
        reason = str(error)
    else:
        reason = traceback.format_exception_only(type(error), error)[-1].strip()
    frames = _users_part(error.__traceback__)
    text = ""
    if frames is not None or isinstance(error, SyntaxError):
        text = "".join(traceback.format_exception(type(error), error, frames))
    text += "wsgi: %s could not be loaded: %s\n" % (target, reason)
    sys.stderr.write(text)
    sys.stderr.flush()
    return text


def _users_part(frames):
    """Skip the leading frames that are ours, Gunicorn's and importlib's; None when nothing is left."""
    ours = (os.path.dirname(os.path.realpath(__file__)), os.path.dirname(gunicorn.__file__))
    importers = ("<frozen importlib", os.path.dirname(importlib.__file__))
    while frames is not None:
        name = frames.tb_frame.f_code.co_filename
        if not os.path.realpath(name).startswith(ours) and not name.startswith(importers):
            break
        frames = frames.tb_next
    return frames


def _say(line):
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
