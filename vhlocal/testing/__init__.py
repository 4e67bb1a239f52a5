"""For smoke tests that are written for pytest: what the plugin's fixtures return, and ``assert_close``."""

from vhlocal.testing.close import assert_close

__all__ = ["assert_close"]
