"""``vhlocal test``."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vhlocal.api.using import Start, joined, joined_or_started, started
from vhlocal.cli.options import endpoint_names, not_both, project_options, setting_arguments, setting_options, verdict
from vhlocal.cli.project import read_settings
from vhlocal.contract.access import authorization
from vhlocal.errors import InputError
from vhlocal.project.settings import environment
from vhlocal.session.replaying import MARK
from vhlocal.signals import ended_as_by_an_interrupt
from vhlocal.smoke import by_pytest, by_schema
from vhlocal.smoke.plan import DIRECTORY, endpoint_of, targets
from vhlocal.smoke.results import Result, Target, as_json, junit, summary
from vhlocal.smoke.run import load, requests, run
from vhlocal.storage import write_whole, writing
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.api.using import Used
    from vhlocal.smoke.cases import HttpFile

#: What endpoints are asked under: the version first.
Found = Mapping[str, tuple[Target, ...]]

#: Sends the tests for these endpoints, or all, and yields the verdicts.
Tests = Callable[[Found, Sequence[str]], Iterator[Result]]

#: Exit code for an answer that was not as expected.
_FAILED = 7

#: Settings that say something to who tests; all others are for a run that is started.
_OURS = ("smoke", "basic_auth")


@click.command("test", epilog="Example:  vhlocal test --junit smoke.xml")
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...", shell_complete=endpoint_names)
@click.option("--start", "is_start", is_flag=True, help="Start the project; refuse to use a run that is up.")
@click.option("--live", is_flag=True, help="Use the run that is up; start nothing.")
@click.option("--openapi", is_flag=True, help="Test the app's own OpenAPI schema with Schemathesis instead.")
@click.option("--junit", "junit_file", type=click.Path(path_type=Path), help="Also write the results as JUnit XML.")
@click.option("--json", "as_json_", is_flag=True, help="Print the results as JSON.")
@setting_options()
@project_options
@ended_as_by_an_interrupt()
def command(
    directory: Path,
    endpoints: tuple[str, ...],
    is_start: bool,
    live: bool,
    junit_file: Path | None,
    as_json_: bool,
    **flags: Any,
) -> None:
    """Send the smoke tests in smoke/ to the endpoints, under the version and each alias.

    Tests are .http files, as VS Code and JetBrains IDEs send them, with expectations as comments (# expect 200), and
    test_*.py files for pytest; with --openapi, they are generated from the app's own schema. If the project is
    running, they go to that run; otherwise it is started for them, and stopped.

    Exit code: 0 if all pass, 7 if one fails, 2 if a test cannot be read, 3 to 5 if the project does not start.
    """
    not_both("is_start", "live")
    _look_at(junit_file)
    settings = read_settings(directory, flags)
    if flags["openapi"]:
        tests = _schemas(directory)
    else:
        tests = _written(directory, settings.smoke or directory / DIRECTORY, endpoints)
    results: list[Result] = []
    way = "live" if live else "start" if is_start else None
    with _run(directory, endpoints, way, flags) as used:
        found = targets(used.client.endpoints()["endpoints"], authorization(settings.basic_auth))
        for name in endpoints:
            if name not in found:
                raise InputError(f"no endpoint `{name}` is running", hint=f"there is {', '.join(found) or 'none'}")
        for result in tests(found, endpoints):
            results.append(result)
            if not as_json_:
                with verdict():
                    click.echo("\n".join([str(result), *result.details]))
        if all(result.skipped for result in results):  # pytest has found none, or none for these endpoints
            raise InputError(f"no test ran for {', '.join(endpoints) or 'any endpoint'}")
        with verdict():
            click.echo(as_json(results) if as_json_ else summary(results))
        if junit_file is not None:
            with _writing(junit_file):
                write_whole(junit_file, junit(results).encode())
        failed = any(result.failures for result in results)
        if failed and used.log is not None:
            click.echo(f"The run's log: {used.log}", err=True)
    if failed:
        raise click.exceptions.Exit(_FAILED)


def _writing(file: Path) -> AbstractContextManager[None]:
    return writing("the results cannot be written", file, InputError)


def _look_at(file: Path | None) -> None:
    """Raise InputError where the results cannot be a file: not only once all tests have run for them."""
    if file is None:
        return
    found = errno.EISDIR if file.is_dir() else errno.ENOTDIR if file.parent.exists() else errno.ENOENT
    if file.is_dir() or not file.parent.is_dir():
        with _writing(file):
            raise OSError(found, os.strerror(found), str(file))


@dataclass(frozen=True)
class _Suite:
    """The tests that were read: those of ``.http`` files, and pytest's with the Python that runs them."""

    directory: Path
    place: Path
    http: tuple[HttpFile, ...]
    pytest: tuple[Path, ...]
    python: Path | None


def _written(directory: Path, place: Path, wanted: Sequence[str]) -> Tests:
    """Read all tests, and return what sends them: an error in one is raised before anything is started."""
    http = tuple(load(_short(path), directory) for path in sorted(_http_files(place)))
    pytest = tuple(by_pytest.files(place))
    if not (http or pytest):
        raise InputError(
            f"there is no smoke test in {place}",
            hint=f"write {place.name}/{wanted[0] if wanted else 'NAME'}.http, with `# expect 200` above "
            "`GET {{endpoint}}/`",
        )
    python = by_pytest.python_of(directory, environment()) if pytest else None
    return partial(_sent, _Suite(directory, place, http, pytest, python))


def _http_files(place: Path) -> Iterator[Path]:
    """Yield the files that editors take for requests: both know either name."""
    for ending in (".http", ".rest"):
        yield from place.rglob(f"*{ending}")


@contextmanager
def _run(directory: Path, endpoints: Sequence[str], way: str | None, flags: Mapping[str, Any]) -> Iterator[Used]:
    """Use the run that is asked for. What a start prints goes to stderr: stdout is the results'."""
    of_a_start = setting_arguments({name: value for name, value in flags.items() if name not in _OURS})
    arguments = [*of_a_start, *setting_arguments({"basic_auth": flags["basic_auth"]}), *endpoints]
    start = Start(arguments, tell=lambda text: click.echo(text, nl=False, err=True))
    if way == "live":
        using = joined(directory)
    else:
        using = started(directory, start) if way == "start" else joined_or_started(directory, start)
    with using as used:
        if of_a_start and used.log is None:
            raise InputError(
                f"{of_a_start[0]} only affects a run that this command starts, and the tests use the run at "
                f"{used.record.url}",
                hint="leave it out, or stop that run: vhlocal down",
            )
        yield used


def _schemas(directory: Path) -> Tests:
    """Return what has each endpoint's schema tried, under its version. InputError where nothing is there to try it."""
    python = by_schema.python_of(directory, environment())

    def tests(found: Found, wanted: Sequence[str]) -> Iterator[Result]:
        schemas = {name: by_schema.schema_of(found[name][0]) for name in wanted or found}
        for name, schema in schemas.items():
            if schema is None and (wanted or not any(schemas.values())):
                first = f"{found[name][0].url}{by_schema.SCHEMAS[0]}"
                raise InputError(
                    f"`{name}` serves no OpenAPI schema at {first} or at other usual paths",
                    hint="FastAPI generates one; for Flask, use APIFlask or flask-smorest",
                )
        for schema in filter(None, schemas.values()):
            yield from by_schema.run(python, directory, schema, (MARK,), environment())

    return tests


def _sent(suite: _Suite, found: Found, wanted: Sequence[str]) -> Iterator[Result]:
    """Send all that is wanted and yield the verdicts; raise for a request that leads elsewhere before any is sent."""
    files = _files(suite, wanted, tuple(found))
    sent = [(file, target) for file, endpoint in files for target in found[endpoint]]
    for file, target in sent:
        requests(file, target)
    for file, target in sent:
        yield from run(file, target)
    if suite.python is not None:
        yield from by_pytest.run(suite.python, suite.directory, suite.pytest, wanted, environment())


def _files(suite: _Suite, wanted: Sequence[str], names: Sequence[str]) -> list[tuple[HttpFile, str]]:
    """Return the files to send and the endpoints that they are for."""
    files = [(file, endpoint_of(_within(file.path, suite.directory), names)) for file in suite.http]
    files = [(file, endpoint) for file, endpoint in files if not wanted or endpoint in wanted]
    for name in wanted:
        if not suite.pytest and name not in {endpoint for _, endpoint in files}:
            raise InputError(
                f"there is no smoke test for `{name}` in {suite.place}",
                hint=f"write {suite.place.name}/{name}.http, with `# expect 200` above `GET {{{{endpoint}}}}/`",
            )
    return files


def _within(path: Path, directory: Path) -> Path:
    absolute = path.absolute()
    return absolute.relative_to(directory) if absolute.is_relative_to(directory) else absolute


def _short(path: Path) -> Path:
    """Return a path as it is named from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
