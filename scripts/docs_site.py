"""What the site has besides ``docs/``: pages from the repository's root, and those that are made from the code.

MkDocs calls the functions that are named ``on_…``.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import diagrams
from mkdocs.structure.files import File

from vhlocal.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent

#: Pages of the repository's root, by what the site calls them.
_OF_THE_ROOT = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security-policy.md": "SECURITY.md",
}
_LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in ``docs/``."""
    made = {name: (ROOT / source).read_text(encoding="utf-8") for name, source in _OF_THE_ROOT.items()}
    for name, text in {**made, "commands.md": commands(), "structure.md": diagrams.page()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where the site has their targets; of what it does not have, the text alone stays."""
    name = page.file.src_uri
    here = posixpath.dirname(_OF_THE_ROOT.get(name, f"docs/{name}"))
    pages = {source: made for made, source in _OF_THE_ROOT.items()}

    def lead(match: re.Match[str]) -> str:
        picture, text, target, anchor = match[1], match[2], match[3], match[4] or ""
        if not target or ":" in target:
            return match[0]
        wanted = posixpath.normpath(posixpath.join(here, target))
        on_site = pages.get(wanted) or (wanted.removeprefix("docs/") if wanted.startswith("docs/") else "")
        if not on_site or files.get_file_from_path(on_site) is None:
            if not (ROOT / wanted).exists():
                return match[0]  # MkDocs says what is wrong with it
            return text
        return f"{picture}[{text}]({posixpath.relpath(on_site, posixpath.dirname(name) or '.')}{anchor})"

    return _outside_of_code(_LINK, lead, markdown)


def _outside_of_code(pattern: re.Pattern[str], replace: object, markdown: str) -> str:
    """Replace in text alone: blocks between fences are shown as they are."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else pattern.sub(replace, part) for part in parts)  # type: ignore[arg-type]


def commands() -> str:
    """Return the page of commands: what ``--help`` says of each."""
    context = click.Context(cli, info_name="vhlocal")
    parts = [
        "# Commands\n",
        "What `--help` prints. [Exit codes](vhlocal-yaml.md#exit-codes) are those of all commands.\n",
    ]
    parts += [part for name in cli.list_commands(context) for part in _described(cli.get_command(context, name), name)]
    return "\n".join(parts)


def _described(command: click.Command | None, name: str) -> Iterator[str]:
    """Yield the part of a command, and those of the commands below it."""
    assert command is not None
    context = click.Context(command, info_name=f"vhlocal {name}", terminal_width=100)
    yield f"{'#' * (name.count(' ') + 2)} vhlocal {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _described(command.get_command(context, inner), f"{name} {inner}")
