"""The user's browser."""

from __future__ import annotations

import sys

from vhlocal.project.settings import environment

#: Variables that show on Linux that there is a screen, or a browser of the user's choice.
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")

NO_BROWSER = (
    "No browser found on this machine. Open the link yourself; from another machine, forward its port first (ssh -L)."
)


def open_in_browser(address: str) -> bool:
    """Open a page in the user's browser; False where there is none: one in the terminal would take that over."""
    import webbrowser  # noqa: PLC0415 - slow to import

    if sys.platform.startswith("linux") and not any(environment().get(name) for name in _SCREENS):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
