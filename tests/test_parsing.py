"""Trees of code are made in one thread at a time, whoever makes them."""

import ast
import threading

import pytest

from tests.test_architecture import MODULES
from vhlocal.parsing import ONE_AT_A_TIME, parse


def test_who_parses_waits_for_whoever_makes_trees():
    with ONE_AT_A_TIME:
        waiting = threading.Thread(target=parse, args=("x = 1",), daemon=True)
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        assert parse(b"y = 2").body  # the thread that holds it goes on
    waiting.join(30)
    assert not waiting.is_alive()


@pytest.mark.once
def test_nothing_else_makes_trees_of_code():
    found = {
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("ast.parse", "compile", "ast.literal_eval")
    }
    assert found == {"parsing.py"}
