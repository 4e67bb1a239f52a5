"""Random edits of a small project, each with the paths that file events name."""

import shutil
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

FILES = ["a.py", "b.py", "sub/a.py", "sub/deep/x.py", "other/y.py", "gen/g.txt", ".env", "sub/.hidden"]
DIRECTORIES = ["sub", "sub/deep", "other", "gen", "moved"]
# What is outside is nobody's to write, not even root's: edits go through links.
TARGETS = ["a.py", "b.py", "../a.py", "sub/a.py", "gen/g.txt", "deep", "sub", "none", "../../outside", "/proc/version"]
RULES = ["", "gen/\n", "*.txt\n", "b.py\n", "sub/deep/\n", "*.py\n!a.py\n", "/other\n"]

files = st.sampled_from(FILES)
directories = st.sampled_from(DIRECTORIES)

edits = st.one_of(
    st.tuples(st.just("write"), files, st.sampled_from(["1", "2", "three"])),
    st.tuples(st.just("write"), files, st.sampled_from(["1", "2", "three"])),
    st.tuples(st.just("replace"), files, st.sampled_from(["1", "2"])),
    st.tuples(st.just("write"), st.sampled_from([".gitignore", ".vhignore", "sub/.gitignore"]), st.sampled_from(RULES)),
    st.tuples(st.just("delete"), st.sampled_from([*FILES, ".gitignore", ".vhignore"])),
    st.tuples(st.just("rename"), files, files),
    st.tuples(st.just("rename"), directories, directories),
    st.tuples(st.just("link"), st.sampled_from([*FILES, "link.py", "sub/link.py", "sub"]), st.sampled_from(TARGETS)),
    st.tuples(st.just("name"), files, files),
    st.tuples(st.just("switch"), files),
    st.tuples(st.just("remove"), directories),
    st.tuples(st.just("comes and goes"), st.sampled_from(["a.py~", "sub/tmp1", ".swap"])),
)


def edit(root: Path, kind: str, *arguments: str) -> set[str]:
    """Edit the project, and return the paths that events name; some are impossible."""
    try:
        return _EDITS[kind](root, *arguments)
    except (OSError, RuntimeError):  # the latter of links in a circle, before Python 3.13
        # It may have been done by half: name all that it may have touched.
        return {path for argument in arguments for path in (argument, *map(str, Path(argument).parents))}


def _parents(root, path):
    """Make the directories above a path; they are named as far as they are new."""
    new = [parent for parent in (root / path).parents if parent.is_relative_to(root) and not parent.exists()]
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    return {parent.relative_to(root).as_posix() for parent in new}


def _write(root, path, text):
    touched = _parents(root, path)
    # What is written through a link, or to a file of two names, has its event by the name of the other or of this one.
    real = (root / path).resolve()
    real.write_text(text)
    return touched | {path} | ({real.relative_to(root).as_posix()} if real.is_relative_to(root) else set())


def _replace(root, path, text):
    touched = _parents(root, path)
    new = root / f"{path}.tmp"
    new.write_text(text)
    new.replace(root / path)
    return touched | {path, f"{path}.tmp"}


def _delete(root, path):
    (root / path).unlink()
    return {path}


def _rename(root, old, new):
    touched = _parents(root, new)
    (root / old).rename(root / new)
    return touched | {old, new}


def _link(root, path, target):
    touched = _parents(root, path)
    (root / path).unlink(missing_ok=True)
    (root / path).symlink_to(target)
    return touched | {path}


def _name(root, path, other):
    touched = _parents(root, other)
    (root / other).unlink(missing_ok=True)
    (root / other).hardlink_to(root / path)
    return touched | {other}


def _switch(root, path):
    real = (root / path).resolve(strict=True)
    real.chmod(real.stat().st_mode ^ 0o100)
    return {path, real.relative_to(root).as_posix()} if real.is_relative_to(root) else {path}


def _remove(root, path):
    if (root / path).is_symlink():
        return _delete(root, path)
    inner = {found.relative_to(root).as_posix() for found in (root / path).rglob("*")}
    shutil.rmtree(root / path)
    return inner | {path}


def _comes_and_goes(root, path):
    touched = _parents(root, path)
    (root / path).write_text("x")
    (root / path).unlink()
    return touched | {path}


_EDITS: dict[str, Callable[..., set[str]]] = {
    "write": _write,
    "replace": _replace,
    "delete": _delete,
    "rename": _rename,
    "link": _link,
    "name": _name,
    "switch": _switch,
    "remove": _remove,
    "comes and goes": _comes_and_goes,
}
