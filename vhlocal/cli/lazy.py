"""Commands that are imported when they are called: ``vhlocal ps`` has no need of what ``vhlocal up`` is made of."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, ClassVar

import click
from click.shell_completion import CompletionItem

from vhlocal.errors import VhlocalError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What others call a command of ours.
_ELSEWHERE = {
    "clean": "prune",
    "doctor": "check",
    "dashboard": "open",
    "lint": "check",
    "list": "ls",
    "rm": "down",
    "run": "up",
    "serve": "up",
    "start": "up",
    "status": "ps",
    "stop": "down",
}


class SuggestingGroup(click.Group):
    """A group that suggests the command that is meant; ``elsewhere`` is what others call its commands."""

    elsewhere: ClassVar[Mapping[str, str]] = {"delete": "remove", "ls": "list", "rm": "remove"}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command; UsageError, with where it belongs, for an option of the command."""
        known = self.list_commands(ctx)
        named = next((word for word in args if word in known), None)  # the words are gone once they are parsed
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if named is None:
                raise
            option = error.option_name
            belongs = f"{ctx.command_path} {named} {option} …"
            raise click.UsageError(f"No option '{option}' goes before the command. Write `{belongs}`", ctx) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; UsageError, with the one that may be, where there is none of that name."""
        name, known = args[0], self.list_commands(ctx)
        if name in known or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches  # noqa: PLC0415 - few names are wrong

        close = self.elsewhere.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
        raise click.UsageError(f"No such command '{name}'.{f' Did you mean `{close}`?' if close else ''}", ctx)


class LazyGroup(SuggestingGroup):
    """A group whose command ``x`` is ``command`` in the module ``vhlocal.cli.x``."""

    elsewhere: ClassVar[Mapping[str, str]] = _ELSEWHERE

    def __init__(self, *args: Any, commands_help: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._help = commands_help

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order in which a user meets them."""
        return list(self._help)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._help:
            return None
        found: click.Command = importlib.import_module(f"vhlocal.cli.{cmd_name}").command
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what an error suggests to run works from where the user stands."""
        try:
            return super().invoke(ctx)
        except VhlocalError as error:
            if error.hint:
                from vhlocal.cli.standing import from_here  # noqa: PLC0415 - only an error needs it here

                error.hint = from_here(ctx)(error.hint)
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, without importing them, and the options."""
        named = [(name, text) for name, text in self._help.items() if name.startswith(incomplete)]
        return [
            *(CompletionItem(name, help=text) for name, text in named),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help.items()))
