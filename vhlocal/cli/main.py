"""The ``vhlocal`` command, and the one boundary at which every error becomes a message and an exit code."""

from __future__ import annotations

import sys
import traceback

import click

from vhlocal import __version__
from vhlocal.cli.lazy import LazyGroup
from vhlocal.errors import VhlocalError
from vhlocal.signals import Terminated

_INTERRUPTED = 130

_COMMANDS = {
    "up": "Build and serve this project's endpoints.",
    "down": "Stop this project's run and clean up.",
    "ps": "List the running endpoints.",
    "open": "Open the run's page in your browser.",
    "url": "Print an endpoint's URL.",
    "call": "Send a request to an endpoint.",
    "logs": "Show the endpoints' logs.",
    "requests": "Show the last requests and answers.",
    "replay": "Send recorded requests again and compare.",
    "metrics": "Show the metrics that endpoints print.",
    "version": "Serve commits beside the working tree.",
    "alias": "Point an alias at another version.",
    "scale": "Change how many servers an endpoint has.",
    "build": "Build each endpoint's image as production would.",
    "test": "Send the smoke tests in smoke/ to the endpoints.",
    "load": "Load-test an endpoint, and find what limits it.",
    "check": "Find what would fail in production.",
    "explain": "Explain a finding and how to fix it.",
    "ls": "List all your runs on this machine.",
    "prune": "Remove images and containers that are no longer needed.",
    "completion": "Print a shell's completion script.",
}


@click.group(
    cls=LazyGroup,
    commands_help=_COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="vhlocal")
@click.pass_context
def cli(context: click.Context) -> None:
    """Run the endpoints of a Valohai project on your own machine, at their production paths.

    \b
    Example:
      vhlocal up            in the directory of a valohai.yaml
    """
    if context.invoked_subcommand is None:
        from vhlocal.cli.next_step import show_next_step  # noqa: PLC0415 - a command needs it not

        show_next_step()


def main() -> None:
    """Run the command line and exit: 0 when all went well, 2 for wrong input, 3 without an engine (see the README)."""
    try:
        code = _invoke()
    except KeyboardInterrupt as error:  # also while an error is printed
        code = _interrupted_by(error)
    _flush()
    sys.exit(code)


def _invoke() -> int:
    """Run the command line, print every error, and return the exit code."""
    debug = "--debug" in sys.argv
    code: int
    try:
        code = cli.main(standalone_mode=False, prog_name="vhlocal")
    except click.exceptions.Abort as error:
        code = _interrupted_by(error.__cause__)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (BrokenPipeError, SystemExit):
        # The reader of our output has enough of it, like `head`. Nothing can be printed any more, nor flushed at exit.
        # SystemExit is what click makes of its own broken pipes.
        sys.stdout = None
        code = 0
    except Exception as error:  # noqa: BLE001 - the last boundary: a traceback is for --debug only
        from vhlocal.storage import known  # noqa: PLC0415 - only an error needs it here

        shown = known(error)
        if not isinstance(shown, VhlocalError):
            shown = VhlocalError(
                f"unexpected {type(error).__name__}: {error}",
                hint="this is a bug in vhlocal: run it again with --debug and report the output",
            )
        _show(shown)
        if debug:
            traceback.print_exc()
        code = shown.exit_code
    return code


def _interrupted_by(cause: BaseException | None) -> int:
    return cause.code if isinstance(cause, Terminated) else _INTERRUPTED


def _flush() -> None:
    """Write what is left of the output, or drop it where there is no room: Python would fail at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        sys.stdout = None


def _show(error: VhlocalError) -> None:
    from vhlocal.ui.console import show_error, standard_error  # noqa: PLC0415 - only an error needs it here

    show_error(standard_error(), error)
