"""Bring changed files of the package into the code's directory, all or none of them."""

import os
import shutil
import stat
import time

_PART = ".vhlocal-part"
_COMPILED = "__pycache__"


class Files:
    """Writes into ``code`` what lies, named by its digest, in ``staging``."""

    def __init__(self, code, staging):
        self._code = code
        self._staging = staging
        self._stamp = 0

    def apply(self, written, removed):
        """Write and remove files; OSError, and nothing changed, where one of them cannot be written.

        ``written`` holds ``path`` (within the code), ``mode`` and either ``blob`` or ``link``; ``was`` is the path,
        among those that are ``removed``, at which the same file stands so far. Python takes a compiled module for fresh
        when size and whole second of its source are as they were, so each call dates its files a second later than the
        one before, and so what links lead to now.
        """
        self._stamp = max(int(time.time()), self._stamp) + 1
        self._make_way(written, removed)
        parts = []
        try:
            for entry in written:
                parts.append(self._part(entry))
        except OSError:
            for part, _ in parts:
                os.unlink(part)
            raise
        for part, path in parts:
            os.replace(part, path)
        self._remove(removed)
        for entry in written:
            if entry.get("link") is not None:
                self._date(os.path.realpath(os.path.join(self._code, entry["path"])))

    def _date(self, path):
        """Date a file, if it is one of the code's own: a module by another link to it may have been compiled."""
        if path.startswith(os.path.realpath(self._code) + os.sep) and os.path.isfile(path):
            os.utime(path, (self._stamp, self._stamp))

    def _make_way(self, written, removed):
        """Take away the files where directories are wanted, and the directories where files are."""
        parents = set()
        for entry in written:
            path = entry["path"]
            while "/" in path:
                path = path.rpartition("/")[0]
                parents.add(path)
        for path in removed:
            if path in parents:
                os.unlink(os.path.join(self._code, path))
        for entry in written:
            path = os.path.join(self._code, entry["path"])
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)

    def _part(self, entry):
        path = os.path.join(self._code, entry["path"])
        part = path + _PART
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            if entry.get("link") is not None:
                os.symlink(entry["link"], part)
            else:
                self._fill(part, entry)
                os.utime(part, (self._stamp, self._stamp))
        except OSError:
            if os.path.lexists(part):
                os.unlink(part)
            raise
        return part, path

    def _fill(self, part, entry):
        blob = os.path.join(self._staging, entry["blob"])
        was = entry.get("was")
        # A directory of thousands of files that is renamed: a second name for a file costs a tenth of a copy.
        if was is not None and _is_alike(os.path.join(self._code, was), blob):
            try:
                os.link(os.path.join(self._code, was), part)
                return
            except OSError:
                pass  # no file system for it: a copy does as well
        shutil.copyfile(blob, part)
        os.chmod(part, entry["mode"])

    def _remove(self, removed):
        gone = {}
        for path in removed:
            path = os.path.join(self._code, path)
            try:
                os.unlink(path)
            except (NotADirectoryError, IsADirectoryError):
                continue
            except FileNotFoundError:
                pass
            gone.setdefault(os.path.dirname(path), set()).add(os.path.basename(path))
        for parent, names in gone.items():
            # A directory that only holds what was compiled could still be imported, as a package with nothing in it.
            for compiled in _compiled(parent, names):
                os.unlink(compiled)
            _remove_empty(os.path.join(parent, _COMPILED))
        for parent in gone:
            while parent.startswith(self._code + os.sep) and _remove_empty(parent):
                parent = os.path.dirname(parent)


def _is_alike(path, blob):
    """Tell whether a path is a regular file of a copy's size, and nothing that an app has put there instead."""
    try:
        seen = os.lstat(path)
        return stat.S_ISREG(seen.st_mode) and seen.st_size == os.stat(blob).st_size
    except OSError:
        return False


def _compiled(parent, names):
    directory = os.path.join(parent, _COMPILED)
    stems = {name[: -len(".py")] for name in names if name.endswith(".py")}
    if not stems or not os.path.isdir(directory):
        return []
    return [os.path.join(directory, name) for name in os.listdir(directory) if name.split(".")[0] in stems]


def _remove_empty(directory):
    try:
        os.rmdir(directory)
    except OSError:
        return False
    return True
