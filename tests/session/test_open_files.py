"""In processes of their own: a limit, once lowered, may not be raised again."""

import subprocess
import sys

import pytest

from vhlocal.session.open_files import clients_within

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")

LOWERED = """
import resource
from vhlocal.session.open_files import raise_limit

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))
print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
files = [open("/dev/null") for _ in range(100)]
"""


def test_the_limit_is_raised_to_what_the_user_may_have():
    done = subprocess.run([sys.executable, "-c", LOWERED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["512", "512", "512"]


def test_each_client_may_need_two_files_and_others_need_some_as_well():
    assert clients_within(1024) == 448
    assert clients_within(100) == 1
    assert clients_within(20_000) == clients_within(-1) == 4096
