"""``vhlocal check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vhlocal.cli.options import project_options, setting_options
from vhlocal.cli.project import read_project
from vhlocal.ui.console import show_notice, standard_output

if TYPE_CHECKING:
    from pathlib import Path


@click.command("check", epilog="Example:  vhlocal check")
@setting_options("files", "images")
@project_options
def command(directory: Path, **flags: Any) -> None:
    """Say what is wrong with the project, without starting anything; no engine is needed.

    valohai.yaml is validated by the platform's own rules; vhlocal.yaml, the chosen files and the requirements are
    read. The exit code is 0 when `vhlocal up` could begin, 2 when it could not.
    """
    inputs, notices = read_project(directory, (), flags)("", None)
    console = standard_output()
    for notice in notices:
        show_notice(console, notice)
    names = ", ".join(endpoint.name for endpoint in inputs.endpoints)
    console.print(f"ok: {len(inputs.package.files)} files, endpoints {names}")
