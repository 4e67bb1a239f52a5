"""Directories that stand in for shared volumes (K4)."""

import pytest

from vhlocal.errors import EngineError
from vhlocal.model import SharedVolume
from vhlocal.runtime.docker.volumes import directory_of, make_directory


def volume(sub_path=None):
    return SharedVolume("models", "/mnt", sub_path, read_only=False)


@pytest.mark.parametrize("sub_path", [None, "", "a", "a/b"])
def test_what_a_server_has_of_a_volume_is_made(tmp_path, sub_path):
    make_directory(volume(sub_path), tmp_path / "models")
    assert directory_of(volume(sub_path), tmp_path / "models").is_dir()


@pytest.mark.parametrize("sub_path", ["out", "out/below", "out/new", "in/../../x"])
def test_a_link_that_a_server_has_left_leads_nobody_out_of_the_volume(tmp_path, sub_path):
    outside = tmp_path / "outside"
    (outside / "below").mkdir(parents=True)
    claim = tmp_path / "models"
    (claim / "in").mkdir(parents=True)
    (claim / "out").symlink_to(outside)
    with pytest.raises(EngineError, match="outside the volume"):
        make_directory(volume(sub_path), claim)
    assert not (outside / "new").exists()


def test_links_within_a_volume_and_to_where_the_user_keeps_it_are_followed(tmp_path):
    kept = tmp_path / "kept"
    (kept / "v2").mkdir(parents=True)
    (kept / "latest").symlink_to("v2")
    (tmp_path / "models").symlink_to(kept)
    make_directory(volume("latest/new"), tmp_path / "models")
    assert (kept / "v2" / "new").is_dir()
