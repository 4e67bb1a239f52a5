"""The files that are chosen when a version is made (B4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.project.marks import Trouble, raise_troubles
from vhlocal.project.schema import did_you_mean
from vhlocal.project.trust import Outside, check_trusted
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from vhlocal.model import Endpoint, EndpointFile


@dataclass(frozen=True)
class ChosenPath:
    """What was chosen for one entry of an endpoint's ``files``; ``size`` in bytes."""

    entry: EndpointFile
    source: Path
    size: int


@dataclass(frozen=True)
class Choice:
    """The chosen files of each wanted endpoint, in the order of the yaml, and what was assumed."""

    files: Mapping[str, tuple[ChosenPath, ...]]
    notices: tuple[Notice, ...] = ()


def choose_files(
    endpoints: Sequence[Endpoint], chosen: Mapping[str, Path], directory: Path, wanted: Collection[str]
) -> Choice:
    """Match the choices, ``ENDPOINT.NAME`` to path, with the ``files`` of the wanted endpoints (B4).

    An entry without a choice takes the file at its own path in ``directory``, with a notice. InputError for a choice
    that no endpoint has an entry for, for an entry that is left without a file, for a path that is no file, and for
    one that leads out of the project although nobody has chosen it.
    """
    check_chosen(endpoints, chosen)
    notices: list[Notice] = []
    troubles: list[Trouble] = []
    files: dict[str, tuple[ChosenPath, ...]] = {}
    for endpoint in endpoints:
        if endpoint.name not in wanted:
            continue
        found = []
        for entry in endpoint.files:
            key = f"{endpoint.name}.{entry.name}"
            source = chosen.get(key, directory / entry.path)
            if trouble := file_trouble(key, entry, source, given=key in chosen):
                troubles.append(trouble)
                continue
            if key not in chosen:
                named = Outside(f"the file of `{key}`", source, entry.place, f"--file {key}={source}")
                check_trusted(directory, [named])
                text = f"using ./{entry.path} for {key}; choose another with --file {key}=PATH"
                notices.append(Notice(text, entry.place, endpoint=endpoint.name))
            found.append(ChosenPath(entry, source, source.stat().st_size))
        files[endpoint.name] = tuple(found)
    raise_troubles(troubles)
    return Choice(files, tuple(notices))


def check_chosen(endpoints: Sequence[Endpoint], chosen: Collection[str]) -> None:
    """Raise InputError where a choice, ``ENDPOINT.NAME``, is for no endpoint's entry."""
    entries = {f"{endpoint.name}.{entry.name}" for endpoint in endpoints for entry in endpoint.files}
    for key in chosen:
        if key not in entries:
            hint = did_you_mean(key, entries) or "no endpoint of valohai.yaml has `files`"
            raise InputError(f"no endpoint has a file `{key}`", hint=hint)


def file_trouble(key: str, entry: EndpointFile, source: Path, *, given: bool) -> Trouble | None:
    """Return what is wrong with the file of an entry, None where it is there; ``given`` is whether it was chosen."""
    if source.is_file():
        return None
    hint = f"--file {key}=PATH"
    if not given:
        return Trouble(f"no file is chosen for `{key}`", entry.place, hint=f"choose it: {hint}")
    problem = "is not a file" if source.exists() else "does not exist"
    return Trouble(f"the file chosen for `{key}` {problem}: {source}", entry.place, hint=f"choose another: {hint}")
