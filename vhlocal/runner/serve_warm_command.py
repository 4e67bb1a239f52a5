"""What a server's command runs: Python code that can be started in a fork, or something else."""

import os
import re
import shlex
import shutil
import sys

#: What serves ``wsgi:``, wherever it may be started again from.
_SERVE_WSGI = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve_wsgi.py")

#: Bytes that the line may have by which a shell becomes Python.
_LONGEST_LINE = 8192

#: How uv writes the directory of a script in an environment that may be moved.
_WHERE_IT_LIES = '"$(dirname -- "$(realpath -- "$0")")"'

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?$")


class Main:
    """Python code to run as ``__main__``: ``kind`` is ``wsgi``, ``file`` or ``module``, ``target`` what it names.

    ``interpreter`` is the Python that would run it, ``arguments`` what follows the target. ``words`` is the whole line
    as a process of its own would find it in ``sys.orig_argv``, ``options`` are the interpreter's in it.
    """

    def __init__(self, kind, target, arguments=(), interpreter=None, words=(), options=()):
        self.kind = kind
        self.target = target
        self.arguments = list(arguments)
        self.interpreter = interpreter
        self.words = list(words)
        self.options = list(options)


def wsgi(target):
    """Return what serves ``wsgi: target``."""
    return Main("wsgi", target, interpreter=sys.executable, words=[sys.executable, _SERVE_WSGI, target])


def main_of(argv):
    """Return what a command runs, or None where it is no Python that could be forked."""
    program = _program(argv[0])
    if program is None:
        return None
    if _PYTHON.match(os.path.basename(program)):
        return _of_python(program, argv)
    named = _shebang(program)
    interpreter = named and _program(named)
    if interpreter is None or _is_zip(program):
        return None
    return Main("file", program, argv[1:], interpreter, [named, program, *argv[1:]])


def _of_shell(line, path):
    """Return the interpreter that a script has its shell become, [] where it is no such script.

    Installers write so what a first line cannot name: a path that is too long for it, has spaces in it, or begins where
    the script itself lies. For Python that line is the beginning of a string.
    """
    here = os.path.dirname(os.path.realpath(path))
    try:
        words = shlex.split(line.replace(_WHERE_IT_LIES, shlex.quote(here)), comments=True)
    except ValueError:
        return []
    begins = line.startswith("'''exec' ") and words[:1] == ["exec"]
    return words[1:-2] if begins and words[-2:] == ["$0", "$@"] else []


def _of_python(interpreter, words):
    arguments, options = words[1:], []
    while arguments[:1] == ["-u"]:
        options.append(arguments[0])
        arguments = arguments[1:]
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        return Main("module", arguments[1], arguments[2:], interpreter, words, options)
    script = arguments[0] if arguments else "-"
    if script.startswith("-") or not os.path.isfile(script) or _is_zip(script):
        return None
    return Main("file", script, arguments[1:], interpreter, words, options)


def _is_zip(path):
    import zipfile  # slow to import, and `wsgi:` has no need of it

    return zipfile.is_zipfile(path)


def _program(name):
    if "/" in name:
        return name if os.path.isfile(name) and os.access(name, os.X_OK) else None
    return shutil.which(name)


def _shebang(path):
    """Return the Python that a script's first lines name, as it is written there, or None."""
    try:
        with open(path, "rb") as script:
            first, second = script.readline(512), script.readline(_LONGEST_LINE)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = os.fsdecode(first[2:]).split()
    if words == ["/bin/sh"]:
        words = _of_shell(os.fsdecode(second), path)
    if words and os.path.basename(words[0]) == "env":
        words = words[1:]
    if len(words) != 1 or not _PYTHON.match(os.path.basename(words[0])):
        return None
    return words[0]
