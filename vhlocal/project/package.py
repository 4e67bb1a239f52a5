"""The packaged set: the project's code as production would get it, and its revision (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.project.reading import ReadPackage, identity, read_all, read_touched
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from vhlocal.model import Package


@dataclass(frozen=True)
class Changes:
    """The paths in which two packages differ, each sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that differs, sorted."""
        return tuple(sorted((*self.added, *self.modified, *self.removed)))


def read_package(
    directory: Path,
    previous: Package | None = None,
    touched: Collection[str] | None = None,
    left_out: frozenset[str] = frozenset(),
    *,
    include_untracked: bool | None = None,
) -> Package:
    """Read the packaged set of ``directory`` (B5).

    Regular files, and links to files inside of the directory; what is no such thing, or vanishes meanwhile, is
    absent. A file that looks on disk as it did for ``previous`` is not read again. ``touched`` are all paths, relative
    and with slashes, that file events named since ``previous`` was read: where it is certain that nothing else can have
    changed, nothing else is looked at. Paths that are ``left_out`` count as absent, and so does
    what git does not track unless it is to be included: None means as for ``previous``, else that it is. InputError
    when git fails or a file cannot be read.
    """
    known = previous if isinstance(previous, ReadPackage) and previous.directory == directory else None
    if include_untracked is None:
        include_untracked = known is None or known.include_untracked
    if known is None or touched is None or (known.left_out, known.include_untracked) != (left_out, include_untracked):
        return read_all(directory, known, left_out=left_out, include_untracked=include_untracked)
    touched = set(touched) - left_out
    return read_touched(known, touched) or read_all(
        directory, known, touched, left_out, include_untracked=include_untracked
    )


def changes(old: Package, new: Package) -> Changes:
    """Return the paths that differ between two packages in presence, content, mode or link."""
    # Nearly all files of a package that was read with a previous one are the very same objects.
    differing = (
        (path, old.files.get(path), file) for path, file in new.files.items() if old.files.get(path) is not file
    )
    modified = sorted(path for path, was, file in differing if was is not None and identity(was) != identity(file))
    added, removed = new.files.keys() - old.files.keys(), old.files.keys() - new.files.keys()
    return Changes(tuple(sorted(added)), tuple(modified), tuple(sorted(removed)))
