"""Start a server so that the next can be forked: ``serve_warm.py wsgi TARGET`` or ``serve_warm.py command WORDS``.

What cannot be forked (no Python, or one that lacks what is needed) is started as if this file were not there.
"""

import json
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))

#: Where its modules are: as processes, servers share them, so that Python compiles them once.
_MODULES = os.path.dirname(os.path.realpath(__file__))


def main():
    if _MODULES not in sys.path:  # PYTHONSAFEPATH leaves it out
        sys.path.insert(0, _MODULES)
    import serve_warm_command

    again = sys.argv[1] == "again"
    if again:
        del sys.argv[1]
    kind, argv = sys.argv[1], sys.argv[2:]
    command = serve_warm_command.wsgi(argv[0]) if kind == "wsgi" else serve_warm_command.main_of(argv)
    settings = _settings()
    if command is None or settings is None:
        _start_plainly(kind, argv)
    if not again and (command.options or os.path.abspath(command.interpreter) != os.path.abspath(sys.executable)):
        words = [command.interpreter, *command.options, os.path.abspath(__file__), "again", *sys.argv[1:]]
        os.execv(command.interpreter, words)
    _supervise(command, settings)


def _supervise(command, settings):
    try:
        import serve_warm_chosen
        import serve_warm_family
        import serve_warm_master
        import serve_warm_names
        import serve_warm_supervisor

        serve_warm_family.adopt_orphans()
    except (ImportError, OSError, AttributeError):
        _start_plainly(sys.argv[1], sys.argv[2:])
    serve_warm_chosen.listen()
    if settings["host"] != "0.0.0.0" and "HOSTNAME" in os.environ:
        serve_warm_names.take(os.environ["HOSTNAME"])
    try:
        serve_warm_supervisor.Supervisor(command, settings).run()
    except serve_warm_master.Become as become:
        server = become.server
    server.run(command)


def _settings():
    try:
        with open(os.path.join(_HERE, "serve_warm.json")) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _start_plainly(kind, argv):
    """Become the command. Where it cannot be started, the shell says so as it always does."""
    import serve_warm_gate

    serve_warm_gate.wait(_HERE)
    if kind == "wsgi":
        os.execv(sys.executable, [sys.executable, os.path.join(_HERE, "serve_wsgi.py"), *argv])
    try:
        os.execvp(argv[0], argv)
    except OSError:
        os.execvp("sh", ["sh", "-c", '"$@"', "sh", *argv])


if __name__ == "__main__":
    main()
