"""``python -m vhlocal``."""

from vhlocal.cli import main

if __name__ == "__main__":
    main()
