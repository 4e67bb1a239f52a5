"""Servers' own reloaders in containers, as ``valohai.yaml`` switches them on."""

from tests.runner.test_serve_warm_reloaders import ASGI, FLASK, OWN, WSGI
from tests.session.edited import endpoint
from tests.session.test_reload import answers, get
from tests.waiting import wait_for

COMMANDS = {
    "uvicorn": "~/.local/bin/uvicorn asgi:app --host 0.0.0.0 --port 8000 --reload",
    "gunicorn": "~/.local/bin/gunicorn wsgi:app --bind 0.0.0.0:8000 --reload",
    "werkzeug": "python flask_app.py",
}
YAML = "".join(endpoint(name, f"server-command: {command}") for name, command in COMMANDS.items())


def test_no_reloader_reads_an_edit_in_the_old_server(project, running):
    """Good code comes in by a fork, broken code ends the fork that has it, and it is said, once for each endpoint."""
    directory = project(
        {
            "valohai.yaml": YAML,
            "requirements.txt": "flask\ngunicorn\nuvicorn\n",
            "asgi.py": ASGI,
            "wsgi.py": WSGI,
            "flask_app.py": FLASK,
            "own.py": OWN,
        }
    )
    with running(directory) as run:
        (directory / "own.py").write_text("TEXT = 'two'\n")
        second = {name: answers(run, "text", "two", name)["pid"] for name in COMMANDS}
        (directory / "own.py").write_text("TEXT = \n")
        wait_for(
            lambda: all(run.endpoints()[name]["broken"] for name in COMMANDS), f"the failures; output:\n{run.output()}"
        )
        for name in COMMANDS:
            status, _, answer = get(run.url(name))
            assert (status, answer["text"], answer["pid"]) == (200, "two", second[name]), name
            facts = run.endpoints()[name]
            assert (facts["strategy"], facts["place"]) == ("fork", f"{directory / 'own.py'}:1"), name
        (directory / "own.py").write_text("TEXT = 'three'\n")
        for name in COMMANDS:
            assert answers(run, "text", "three", name)["pid"] != second[name]
        told = " ".join(run.output().split())
        for name in COMMANDS:
            assert told.count(f"{name}: {name.title()}'s own reloader is switched off") == 1
