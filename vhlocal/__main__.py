"""``vhlocal``, and ``python -m vhlocal``."""

import gc

#: Objects that are made between two looks for garbage. A command's imports make a hundred thousand that stay: to look
#: through them every 2000 takes a tenth of its start.
_BETWEEN_LOOKS = 50_000


def main() -> None:
    """Run the command line and exit."""
    gc.set_threshold(_BETWEEN_LOOKS)
    from vhlocal.cli import main as run  # noqa: PLC0415 - see above

    run()


if __name__ == "__main__":
    main()
