"""Run a browser so that it hears nothing of this machine's networks: ``python unaware.py PROGRAM [ARGUMENT]...``

A browser ends what it is loading when a network changes, as those of the engine do with the tests beside. On x86-64, it
is refused the sockets by which the kernel tells of them.
"""

import ctypes
import os
import sys

_NO_NEW_PRIVILEGES = 38
_SECCOMP, _FILTER = 22, 2
_X86_64, _SOCKET, _NETLINK = 0xC000003E, 41, 16
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_REFUSE, _ALLOW = 0x00050000 | 97, 0x7FFF0000  # 97: EAFNOSUPPORT

#: For each call of the kernel: what to do, how many steps to go on where it is so and where not, and the value.
_STEPS = (
    (_LOAD, 0, 0, 4),
    (_IF_EQUAL, 0, 5, _X86_64),
    (_LOAD, 0, 0, 0),
    (_IF_EQUAL, 0, 3, _SOCKET),
    (_LOAD, 0, 0, 16),
    (_IF_EQUAL, 0, 1, _NETLINK),
    (_RETURN, 0, 0, _REFUSE),
    (_RETURN, 0, 0, _ALLOW),
)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def main(command: list[str]) -> None:
    """Become the program that is named, with the filter in place."""
    steps = b"".join(
        code.to_bytes(2, "little") + bytes([yes, no]) + value.to_bytes(4, "little") for code, yes, no, value in _STEPS
    )
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.prctl(_SECCOMP, _FILTER, ctypes.byref(_Program(len(_STEPS), steps)), 0, 0):
        sys.exit(f"no filter of the kernel: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
