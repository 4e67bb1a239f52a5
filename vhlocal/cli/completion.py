"""``vhlocal completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from vhlocal.cli.options import debug_option


@click.command("completion", epilog='Example:  eval "$(vhlocal completion bash)"')
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@debug_option
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and endpoint names in a shell.

    \b
    To keep it, add one line:
      bash: eval "$(vhlocal completion bash)" in ~/.bashrc
      zsh:  eval "$(vhlocal completion zsh)" in ~/.zshrc
      fish: vhlocal completion fish | source in ~/.config/fish/config.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "vhlocal", "_VHLOCAL_COMPLETE").source())
