"""The fixtures that other tests build on do what they say."""

from __future__ import annotations

from tests.conftest import ONCE, ROWS, TESTS


def test_the_base_image_is_the_python_that_its_name_says(engine, base_image):
    version = engine.containers.run(base_image, ["python", "--version"], remove=True).decode()
    assert version.startswith("Python 3.11.")


def test_the_image_with_a_user_runs_as_that_user(engine, base_image_with_user):
    said = engine.containers.run(base_image_with_user, ["sh", "-c", "id -un; cd; pwd"], remove=True).decode()
    assert said.split() == ["app", "/home/app"]


def test_an_image_of_the_registry_has_a_layer_to_pull(engine, base_image, registry):
    name = registry.publish(engine, base_image, megabytes=1)
    repository, _, tag = name.rpartition(":")
    records = list(engine.api.pull(repository, tag=tag, stream=True, decode=True))
    assert any(record.get("progressDetail", {}).get("total") for record in records)
    assert engine.images.get(name)


def test_a_command_runs_with_directories_of_its_own(vhlocal, tmp_path):
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        assert vhlocal.environment[name].startswith(str(tmp_path))


def test_what_is_named_to_run_once_or_on_one_core_is_there():
    assert [path for path in (*ONCE, *ROWS) if not (TESTS / path).exists()] == []
