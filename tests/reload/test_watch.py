import queue

import pytest

from vhlocal.reload.watch import Watch, is_ignored


@pytest.fixture
def project(tmp_path):
    for name in ("project/src", "project/.git", "project/__pycache__", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere/model.pkl").write_text("old")
    return tmp_path


@pytest.fixture
def events(project):
    seen = queue.Queue()
    watch = Watch(project / "project", [project / "elsewhere/model.pkl"], lambda: seen.put(True))
    watch.start()
    yield seen
    watch.stop()


def save_atomically(path, text):
    new = path.with_suffix(".tmp")
    new.write_text(text)
    new.replace(path)


@pytest.mark.parametrize("save", [lambda path, text: path.write_text(text), save_atomically], ids=["plain", "atomic"])
@pytest.mark.parametrize("path", ["project/app.py", "project/src/deep.py", "elsewhere/model.pkl"])
def test_a_save_is_noticed(project, events, path, save):
    save(project / path, "new")
    assert events.get(timeout=10)


def test_a_deletion_is_noticed(project, events):
    (project / "elsewhere/model.pkl").unlink()
    assert events.get(timeout=10)


@pytest.mark.parametrize(
    "path", [".git/index", "__pycache__/app.cpython-311.pyc", "src/__pycache__/x.pyc", ".venv/bin/python"]
)
def test_what_never_reaches_a_server_is_ignored(path):
    assert is_ignored(path)


@pytest.mark.parametrize("path", ["app.py", "src/git/index", ".vhignore", "venvs/notes.txt"])
def test_what_may_reach_a_server_is_not_ignored(path):
    assert not is_ignored(path)
