"""The run that a session of pytest uses."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vhlocal.api.using import Start, joined_or_started
from vhlocal.contract.access import authorization
from vhlocal.errors import InputError, VhlocalError
from vhlocal.project.schema import did_you_mean
from vhlocal.project.settings import load_settings
from vhlocal.smoke.plan import targets
from vhlocal.testing.client import Endpoint
from vhlocal.testing.collecting import VERSION, in_lines, project_of
from vhlocal.visible import visible

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from vhlocal.api.using import Used

FIXTURE = "vhlocal_run"

#: Lines of the servers' that are shown with a test that has failed.
_TAIL = 40


class Run:
    """A run that is ready. ``log`` is what one that was started for the tests has printed, None where one was there."""

    def __init__(self, directory: Path, used: Used) -> None:
        self.directory = directory
        self.log = used.log
        self._used = used
        self._users = load_settings(directory, {}).basic_auth

    @property
    def url(self) -> str:
        """The gateway's URL, below which all endpoints are."""
        return self._used.record.url

    @property
    def version(self) -> str:
        """The name of the working tree's version."""
        return self._used.record.version

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The names of the endpoints that are served."""
        return tuple(self._targets())

    def endpoint(self, name: str | None = None, under: str = VERSION) -> Endpoint:
        """Return an endpoint under the version, or under an alias or another version.

        ``name`` may be left out where there is one endpoint. InputError for what is not served.
        """
        found = self._targets()
        if name is None:
            if len(found) != 1:
                raise InputError(
                    f"there are several endpoints: {', '.join(found)}",
                    hint="name one, or mark the test with vhlocal_endpoints",
                )
            (name,) = found
        if name not in found:
            raise InputError(f"no endpoint `{name}` is served", hint=did_you_mean(name, found))
        asked = self.version if under == VERSION else under
        by_name = {target.under: target for target in found[name]}
        if asked not in by_name:
            raise InputError(f"`{name}` is not served under `{asked}`", hint=did_you_mean(asked, by_name))
        return Endpoint(name, under, by_name[asked].url, by_name[asked].headers)

    def tail(self) -> str:
        """Return the last lines that the servers have printed."""
        lines = [f"{each['name']}  {each['text']}" for each in self._used.client.logs(None, _TAIL, follow=False)]
        return visible("\n".join(lines))

    def _targets(self) -> dict[str, tuple[Any, ...]]:
        return targets(self._used.client.endpoints()["endpoints"], authorization(self._users))


class _Telling:
    """Shows what the servers have printed with each test that uses the run and fails."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, None]:
        report: pytest.TestReport = (yield).get_result()
        if report.failed and FIXTURE in getattr(item, "fixturenames", ()):
            with contextlib.suppress(VhlocalError):  # the run may be what has failed
                where = f"\nThe run's log: {self._run.log}" if self._run.log else ""
                report.sections.append(("servers of vhlocal", f"{self._run.tail()}{where}"))


@contextlib.contextmanager
def use_run(session: pytest.Session) -> Iterator[Run]:
    """Use the run of the project whose tests ask for one, until the session ends.

    Several sessions, and workers of pytest-xdist, share one. The log of a run that is started is kept if a test fails.
    """
    asking = [item.path for item in session.items if FIXTURE in getattr(item, "fixturenames", ())]
    directory = project_of(asking)
    log = _log(session.config)
    try:
        with joined_or_started(directory, Start(log=log)) as used:
            run = Run(directory, used)
            telling = _Telling(run)
            session.config.pluginmanager.register(telling)
            try:
                yield run
            finally:
                session.config.pluginmanager.unregister(telling)
    except VhlocalError as error:
        pytest.fail(in_lines(error), pytrace=False)
    if not session.testsfailed and not hasattr(session.config, "workerinput"):  # a worker knows of its own tests alone
        log.unlink(missing_ok=True)


def _log(config: pytest.Config) -> Path:
    """Return where a run's log goes: pytest's cache, which is where the next one writes it too."""
    cache = getattr(config, "cache", None)
    if cache is not None:
        return Path(cache.mkdir("vhlocal")) / "run.log"
    factory: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    return Path(factory.mktemp("vhlocal")) / f"run-{os.getpid()}.log"
