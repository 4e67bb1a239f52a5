"""Bring changed files of the package into the code's directory, all or none of them."""

import os
import shutil
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

        ``written`` holds ``path`` (within the code), ``mode`` and either ``blob`` or ``link``. Python takes a compiled
        module for fresh when size and whole second of its source are as they were, so each call dates its files a
        second later than the one before.
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
        for path in removed:
            self._remove(os.path.join(self._code, path))

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
                shutil.copyfile(os.path.join(self._staging, entry["blob"]), part)
                os.chmod(part, entry["mode"])
                os.utime(part, (self._stamp, self._stamp))
        except OSError:
            if os.path.lexists(part):
                os.unlink(part)
            raise
        return part, path

    def _remove(self, path):
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return
        parent = os.path.dirname(path)
        # A directory that only holds what was compiled could still be imported, as a package without anything in it.
        for compiled in _compiled(path):
            os.unlink(compiled)
        _remove_empty(os.path.join(parent, _COMPILED))
        while parent.startswith(self._code + os.sep):
            if not _remove_empty(parent):
                return
            parent = os.path.dirname(parent)


def _compiled(path):
    stem, ending = os.path.splitext(os.path.basename(path))
    directory = os.path.join(os.path.dirname(path), _COMPILED)
    if ending != ".py" or not os.path.isdir(directory):
        return []
    return [os.path.join(directory, name) for name in os.listdir(directory) if name.startswith(stem + ".")]


def _remove_empty(directory):
    try:
        os.rmdir(directory)
    except OSError:
        return False
    return True
