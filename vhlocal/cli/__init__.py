"""The command line: one module per command, and one place where errors end."""

from vhlocal.cli.main import main

__all__ = ["main"]
