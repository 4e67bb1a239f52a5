"""Where a script's server listens that is told by its options or by `HOST`: found where certain, else nothing."""

from __future__ import annotations

import pytest

from tests.checks.edits import apply
from tests.checks.projects import command
from tests.checks.sample import found_in

SCRIPT = """\
import argparse
import os

from flask import Flask

app = Flask(__name__)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    args = parser.parse_args()
    app.run(host=args.host, port=args.port)
"""
BY_HOST = """\
import os

from flask import Flask

app = Flask(__name__)
app.run(host=os.getenv("HOST", "127.0.0.1"), port=8000)
"""


def found(project, line, code):
    findings = found_in(project(command(line, image="company/base:1", **{"server.py": code}))).findings
    return [one for one in findings if one.definition.code in ("VH302", "VH303")]


def test_the_defaults_of_a_scripts_options_are_where_it_listens(project):
    findings = found(project, "python server.py", SCRIPT)
    assert [(one.definition.code, one.place.line) for one in findings] == [("VH302", 13), ("VH303", 13)]
    assert [edit.new.strip() for one in findings for edit in one.edits] == [
        'parser.add_argument("-H", "--host", default="0.0.0.0")',
        'parser.add_argument("--port", type=int, default=int(os.environ["VALOHAI_PORT"]))',
    ]
    apply(edit for one in findings for edit in one.edits)
    directory = findings[0].place.file.parent
    assert [one for one in found_in(directory).findings if one.definition.code in ("VH302", "VH303")] == []


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ("--host 0.0.0.0 --port $VALOHAI_PORT", []),
        ("--host=0.0.0.0 --port=8000", []),
        ("-H 0.0.0.0", ["VH303"]),
        ("-H0.0.0.0 --po 8000", []),
        ("--ho 0.0.0.0", ["VH303"]),
        ("$OPTIONS", []),
        ("--model x", ["VH302", "VH303"]),
    ],
)
def test_an_option_that_the_command_gives_is_not_its_default(arguments, codes, project):
    assert [one.definition.code for one in found(project, f"python server.py {arguments}", SCRIPT)] == codes


@pytest.mark.parametrize(
    "changed",
    [
        ('default="127.0.0.1"', 'default="0.0.0.0"'),
        ('default="127.0.0.1"', "default=read()"),
        ('default="127.0.0.1"', "required=True"),
        ('"--host"', '"--host", dest="address"'),
        ("args = parser", "parser.set_defaults(host='0.0.0.0')\n    args = parser"),
        ("parse_args()", "parse_args(['--host', '0.0.0.0'])"),
        ("    app.run", "    args = changed(args)\n    app.run"),
    ],
)
def test_options_that_are_told_otherwise_are_not_reported(changed, project):
    code = SCRIPT.replace(*changed).replace("default=5000", "default=8000")
    assert found(project, "python server.py", code) == []


CLICK = """\
import os

import click
from flask import Flask

app = Flask(__name__)


@click.command()
@click.option("--host", "-h", default="127.0.0.1", help="Where to listen.")
@click.option("-p", "--web-port", "port", type=int, default=5000, show_default=True)
def main(host, port):
    app.run(host=host, port=port)


if __name__ == "__main__":
    main()
"""
TYPER = """\
import os
from typing import Annotated

import typer
from flask import Flask

app, cli = Flask(__name__), None
cli = typer.Typer()


def main(host: str = typer.Option("127.0.0.1", "--host", "-h"), port: Annotated[int, typer.Option("-p")] = 5000):
    app.run(host=host, port=port)


typer.run(main)
"""


@pytest.mark.parametrize(
    ("code", "pasted"),
    [
        (
            CLICK,
            [
                '@click.option("--host", "-h", default="0.0.0.0", help="Where to listen.")',
                '@click.option("-p", "--web-port", "port", type=int, default=int(os.environ["VALOHAI_PORT"]), '
                "show_default=True)",
            ],
        ),
        (
            CLICK.replace("@click.command()", "@click.group()\ndef cli():\n    pass\n\n\n@cli.command()").replace(
                "    main()", "    cli()"
            ),
            None,
        ),
        (TYPER.replace("app, cli = Flask(__name__), None", "app = Flask(__name__)"), None),
        (
            TYPER.replace("app, cli = Flask(__name__), None", "app = Flask(__name__)")
            .replace("def main", "@cli.command()\ndef main")
            .replace("typer.run(main)", "cli()"),
            None,
        ),
    ],
)
def test_the_defaults_of_a_commands_options_are_where_it_listens(code, pasted, project):
    findings = found(project, "python server.py", code)
    assert [one.definition.code for one in findings] == ["VH302", "VH303"]
    assert pasted is None or [edit.new for one in findings for edit in one.edits] == pasted
    changed = {edit for one in findings for edit in one.edits}
    assert all(one.edits for one in findings)
    directory = findings[0].place.file.parent
    for edit in changed if pasted else ():
        apply([edit])
    assert (
        pasted is None or [one for one in found_in(directory).findings if one.definition.code.startswith("VH30")] == []
    )


@pytest.mark.parametrize("arguments", ["-h 0.0.0.0 -p 8000", "--host 0.0.0.0 --web-port $VALOHAI_PORT", "$OPTIONS"])
def test_an_option_that_a_commands_line_gives_is_not_its_default(arguments, project):
    assert found(project, f"python server.py {arguments}", CLICK) == []


@pytest.mark.parametrize(
    "changed",
    [
        ("show_default=True", 'envvar="PORT"'),
        ("@click.command()", '@click.command(context_settings={"default_map": read()})'),
        ("    main()", '    main(auto_envvar_prefix="APP")'),
        ("    main()", '    main(["-p", "8000"])'),
        ("    app.run", "    port = read(port)\n    app.run"),
        ("default=5000", "default=read"),
        ("default=5000", "required=True"),
        ('@click.option("-p"', '@options("-p"'),
        ("    app.run(host=host, port=port)", "    (lambda port: app.run(host=host, port=port))(8000)"),
    ],
)
def test_a_commands_options_that_come_from_elsewhere_are_not_reported(changed, project):
    code = CLICK.replace('"127.0.0.1"', '"0.0.0.0"')
    assert [one.definition.code for one in found(project, "python server.py", code)] == ["VH303"]
    assert found(project, "python server.py", code.replace(*changed)) == []


def test_host_is_its_default_unless_something_sets_it(project):
    (finding,) = found(project, "python server.py", BY_HOST)
    assert (finding.definition.code, finding.place.line) == ("VH302", 6)
    assert finding.edits[0].new == 'app.run(host="0.0.0.0", port=8000)'
    assert found(project, "HOST=0.0.0.0 python server.py", BY_HOST) == []
    assert found(project, "python server.py", BY_HOST.replace('"HOST", "127.0.0.1"', '"HOST", "0.0.0.0"')) == []
    assert found(project, "python server.py", BY_HOST.replace('"HOST"', '"BIND_ADDRESS"')) == []
