"""``vhlocal``, and ``python -m vhlocal``."""

import gc
import sys

#: Objects that are made between two looks for garbage. The imports of ``up`` make some 55,000 that stay: no look is to
#: fall into them. To look through them every 2000 takes a tenth of a start.
BETWEEN_LOOKS = 100_000

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    gc.set_threshold(BETWEEN_LOOKS)
    try:
        if sys.platform == "linux" and sys.argv[1:2] == ["up"]:
            from vhlocal.ahead import ahead  # noqa: PLC0415 - other commands need it not

            with ahead(sys.argv[1:]):
                _run()
        else:
            _run()
    except KeyboardInterrupt as error:  # while the command line itself is imported
        sys.exit(getattr(error, "code", _INTERRUPTED))


def _run() -> None:
    from vhlocal.cli import main as run  # noqa: PLC0415 - what is done ahead is done before

    run()


if __name__ == "__main__":
    main()
