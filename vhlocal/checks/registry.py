"""Every rule, in the order in which findings are looked for. To add one is to write its file and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.prefix.registry import DEFINITIONS as PREFIX_DEFINITIONS
from vhlocal.checks.prefix.script_name import DEFINITION as SCRIPT_NAME
from vhlocal.checks.rules import (
    absolute_links,
    absolute_redirects,
    chosen_files,
    code_debug,
    code_listening,
    command_debug,
    command_host,
    command_port,
    command_variables,
    conflicting_pins,
    dotenv,
    doubtful,
    hidden_libraries,
    image_tag,
    imports,
    large_files,
    left_files,
    line_ends,
    local_bin,
    local_hosts,
    localhost_urls,
    metadata_path,
    missing_command,
    near_misses,
    not_executable,
    notebook_code,
    one_request,
    personal_paths,
    pins,
    random_keys,
    refused,
    requirement_lines,
    run_paths,
    secrets,
    shell_words,
    target,
    unpackaged_files,
    unprefixed,
    unprefixed_paths,
    untracked,
)
from vhlocal.checks.server.registry import DEFINITIONS as SERVER_DEFINITIONS

if TYPE_CHECKING:
    from vhlocal.checks.rule import Rule
    from vhlocal.checks.subject import Subject
    from vhlocal.findings import Definition

#: The static rules: those that look at the project alone.
ALL_RULES: tuple[Rule[Subject], ...] = (
    refused.RULE,
    doubtful.RULE,
    chosen_files.RULE,
    metadata_path.RULE,
    image_tag.RULE,
    command_port.RULE,
    command_variables.RULE,
    command_host.RULE,
    local_bin.RULE,
    missing_command.RULE,
    shell_words.RULE,
    one_request.RULE,
    command_debug.RULE,
    target.RULE,
    requirement_lines.RULE,
    conflicting_pins.RULE,
    pins.RULE,
    imports.RULE,
    hidden_libraries.RULE,
    unpackaged_files.RULE,
    untracked.RULE,
    line_ends.RULE,
    not_executable.RULE,
    large_files.RULE,
    secrets.RULE,
    code_debug.RULE,
    code_listening.RULE,
    notebook_code.RULE,
    near_misses.RULE,
    personal_paths.RULE,
    run_paths.RULE,
    dotenv.RULE,
    random_keys.RULE,
    left_files.RULE,
    localhost_urls.RULE,
    absolute_links.RULE,
    absolute_redirects.RULE,
    unprefixed.RULE,
    unprefixed_paths.RULE,
    local_hosts.RULE,
)

_OF_RUNNING = (*PREFIX_DEFINITIONS, *SERVER_DEFINITIONS)
#: What is found of the project alone, and not of a running endpoint as well.
STATIC_DEFINITIONS: tuple[Definition, ...] = tuple(
    definition for rule in ALL_RULES for definition in rule.definitions if definition not in _OF_RUNNING
)

#: What the pages are made from, in the order of the codes. Rules with other evidence add theirs here.
ALL_DEFINITIONS: tuple[Definition, ...] = tuple(
    sorted((*STATIC_DEFINITIONS, *PREFIX_DEFINITIONS, SCRIPT_NAME, *SERVER_DEFINITIONS), key=lambda one: one.code)
)
