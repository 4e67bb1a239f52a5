import subprocess
from pathlib import Path

import pytest

_IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always")


class Project:
    """A directory of files to be read."""

    def __init__(self, directory: Path):
        self.directory = directory

    def write(self, path, content=""):
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content)
        return file

    def git(self, *arguments):
        command = ["git", *_IDENTITY, *arguments]
        return subprocess.run(command, cwd=self.directory, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message="a commit"):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)


@pytest.fixture
def project(tmp_path):
    directory = tmp_path / "My Project"
    directory.mkdir()
    return Project(directory)


@pytest.fixture
def repository(project):
    project.git("init", "-q", "-b", "main")
    return project
