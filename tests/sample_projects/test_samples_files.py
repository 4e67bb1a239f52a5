"""The sample projects as they lie on disk: complete, and free of anything that Valohai or vhlocal would complain of."""

import ast
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from vhlocal.project.config import load_config
from vhlocal.project.settings import load_settings

SAMPLES = Path(__file__).parent.parent.parent / "sample_projects"
NAMES = ("digits", "dispatcher", "django", "flask", "prefix-header", "server-command", "uvicorn")

EVERY_SAMPLE = pytest.mark.parametrize("sample", [SAMPLES / name for name in NAMES], ids=NAMES)


def test_the_samples_are_these():
    assert tuple(sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())) == NAMES


@EVERY_SAMPLE
def test_valohais_own_linter_finds_nothing(sample):
    lint = [sys.executable, "-m", "valohai_yaml", str(sample / "valohai.yaml")]
    result = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@EVERY_SAMPLE
def test_it_loads_without_a_warning(sample):
    config = load_config(sample)
    assert len(config.endpoints) == 1
    assert config.warnings == ()
    assert config.endpoints[0].description
    load_settings(sample, {}, environ={})


@EVERY_SAMPLE
def test_its_page_shows_how_to_call_it(sample):
    text = (sample / "README.md").read_text()
    assert text.startswith(f"# {sample.name}\n")
    assert "vhlocal up" in text
    assert f"http://localhost:8080/OWNER/{sample.name}/local/dev/{load_config(sample).endpoints[0].name}" in text


@EVERY_SAMPLE
def test_its_code_is_python_that_the_image_runs(sample):
    files = list(sample.rglob("*.py"))
    assert files
    for file in files:
        ast.parse(file.read_text(), str(file), feature_version=(3, 11))


def test_the_model_is_chosen_and_not_a_part_of_the_code():
    """B4: the model of ``digits`` is named in ``vhlocal.yaml`` and ignored by git, so it is never packaged."""
    sample = SAMPLES / "digits"
    (entry,) = load_config(sample).endpoints[0].files
    assert dict(load_settings(sample, {}, environ={}).files) == {f"digits.{entry.name}": sample / entry.path}
    assert entry.path in (sample / ".gitignore").read_text().split()


def test_the_sample_image_is_a_whole_png():
    """Every chunk's checksum is right, and the pixels are those of a grey image of 64 by 64."""
    data = (SAMPLES / "digits" / "seven.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, rest = {}, data[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        body = rest[4 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(body),)
        chunks[body[:4]] = body[4:]
        rest = rest[12 + length :]
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (64, 64)
    assert b"IEND" in chunks
