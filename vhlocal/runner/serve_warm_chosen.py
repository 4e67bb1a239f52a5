"""Lets a server write the large files that were chosen for it: the link to what is mounted becomes a copy first."""

import os
import sys

#: Where a container has the user's own large files, read-only.
_MOUNTED = "/valohai/chosen/"

#: What changes a file, or its facts, besides opening it for that.
_CHANGING = ("os.truncate", "os.chmod", "os.chown", "os.utime", "os.setxattr", "sqlite3.connect")


def listen():
    """Hear of each file before it is written, where there are such files; from Python 3.8 on."""
    if hasattr(sys, "addaudithook") and os.path.isdir(_MOUNTED):
        sys.addaudithook(_hear)


def _hear(event, arguments):
    if event == "open":
        if not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC)):
            return
    elif event not in _CHANGING:
        return
    path = arguments[0]
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    path = os.fsdecode(path)
    if os.path.islink(path) and os.readlink(path).startswith(_MOUNTED):
        import shutil

        shutil.copyfile(path, path + ".vhlocal-part")
        os.replace(path + ".vhlocal-part", path)
