"""VH411, by the code alone: the app accepts hosts of this machine, and no other (K9)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.hosts import DJANGO, host_lists
from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.prefix.rules.hosts import CHANGE, DEFINITION
from vhlocal.checks.rule import Rule
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

#: What looks at a request's host in Django, whatever is asked for.
_LOOKS = "django.middleware.common.CommonMiddleware"
#: By what a library sets settings: `django_heroku.settings(locals())`, `DjangoDynaconf(__name__)`.
_CHANGING = ("locals", "globals", "vars", "exec", "__name__")
#: What may choose other settings than the code does.
_CHOICE = "DJANGO_SETTINGS_MODULE"


def find(subject: Subject) -> Iterator[Finding]:
    """Yield lists of hosts that are surely in force, are written out, and have none that production could name."""
    for reach in subject.reaches:
        for hosts in host_lists(reach):
            if not (hosts.sure and hosts.is_local) or (hosts.setting == DJANGO and not _is_certain(subject, reach)):
                continue
            names = ", ".join(f"`{name}`" for name in hosts.names or ())
            seen = f"`{hosts.setting}` has only {names}" if names else f"`{hosts.setting}` is empty"
            seen += ": a request in production names another host, and gets 400"
            caveat = "but answers 400 to production's host"
            yield Finding(
                DEFINITION,
                hosts.place,
                seen,
                CHANGE,
                reach.endpoint.name,
                reach.framework if reach.framework in DEFINITION.remedy else "",
                caveat=caveat,
                edits=read_code(reach.endpoint, subject.package).fixes.hosts,
            )
            break


def _is_certain(subject: Subject, reach: Reach) -> bool:
    """Tell whether Django surely has these settings, and looks at each request's host by them."""
    files = [path for path in subject.package.files if path.endswith(".py")]
    speaking = [path for path in files if DJANGO in (subject.text(path) or "")]
    if len(speaking) != 1 or _CHOICE in subject.variables:
        return False
    settings = [item.module for item in reach.reached if item.module.path in speaking]
    if any(getattr(site.node, "id", "") in _CHANGING for module in settings for site in module.sites):
        return False
    spoken = [site for module in settings for site in module.sites if getattr(site.node, "id", "") == DJANGO]
    middlewares = (module.constants.get("MIDDLEWARE") for module in settings)
    texts = {node.value for each in middlewares if each for node in ast.walk(each) if isinstance(node, ast.Constant)}
    return len(spoken) == 1 and _LOOKS in texts


RULE = Rule((DEFINITION,), find)
