import json

from vhlocal.runtime.base import Layout
from vhlocal.session.warm.warmth import Runner, Warmth


def test_what_was_learnt_is_found_again_by_its_environment_alone(tmp_path):
    warmth = Warmth(tmp_path)
    warmth.save("vhlocal/requirements:1", ["numpy", "pandas"], {"tensorflow": "starts threads"})
    assert warmth.load("vhlocal/requirements:1") == {
        "modules": ["numpy", "pandas"],
        "denied": {"tensorflow": "starts threads"},
    }
    assert warmth.load("vhlocal/requirements:2") == {"modules": [], "denied": {}}


def test_what_cannot_be_read_counts_as_nothing_learnt(tmp_path):
    warmth = Warmth(tmp_path)
    warmth.save("image", ["numpy"], {})
    next(tmp_path.iterdir()).write_text("{broken")
    assert warmth.load("image") == {"modules": [], "denied": {}}


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path):
    (tmp_path / "file").touch()
    Warmth(tmp_path / "file").save("image", ["numpy"], {})
    assert Warmth(tmp_path / "file").load("image") == {"modules": [], "denied": {}}


def test_the_runner_is_told_where_things_are_and_what_is_known():
    runner = Runner(("sh",), 8000, ("m:f",), {"modules": ["a"], "denied": {}}, forks=True)
    entries = {entry.path: entry for entry in runner.entries(Layout(8000), "token")}
    assert "/valohai/runner/serve_warm.py" in entries
    settings = json.loads(entries["/valohai/runner/serve_warm.json"].content or b"")
    assert (settings["port"], settings["token"], settings["keep"], settings["modules"]) == (
        8000,
        "token",
        ["m:f"],
        ["a"],
    )
