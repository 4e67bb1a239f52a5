from pathlib import Path

import pytest

from vhlocal.reload.mounts import Mount, mount_table, read_line, shared_kind

TABLE = [
    Mount("/", "ext4", "rw"),
    Mount("/home", "autofs", "rw"),
    Mount("/home", "nfs4", "rw"),
    Mount("/home/local disk", "xfs", "rw"),
    Mount("/mnt/c", "9p", "rw,aname=drvfs"),
    Mount("/media/stick", "fuseblk", "rw"),
    Mount("/srv", "fuse.sshfs", "rw"),
    Mount("/remote", "NTFS", "rw,remote"),
]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/work/project", None),
        ("/home/ada/project", "nfs4"),
        ("/home/local disk/project", None),
        ("/homestead", None),
        ("/mnt/c/project", "9p"),
        ("/media/stick/project", None),
        ("/srv", "fuse.sshfs"),
        ("/remote/project", "NTFS"),
    ],
)
def test_the_file_system_is_that_of_the_longest_mount_point_and_of_several_the_last(path, kind):
    assert shared_kind(Path(path), TABLE) == kind


def test_a_link_counts_as_where_it_leads(tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to("share")
    assert shared_kind(tmp_path / "link/project", [Mount(str(tmp_path / "share"), "cifs", "")]) == "cifs"


def test_nothing_is_known_without_a_table(tmp_path):
    assert shared_kind(tmp_path, []) is None


def test_linux_writes_spaces_and_the_like_in_octal():
    line = b"//host/c\\134x /mnt/ada\\040\\303\\244\\134040 cifs rw,nosuid 0 0"
    assert read_line(line) == Mount("/mnt/ada ä\\040", "cifs", "rw,nosuid")


def test_the_system_s_table_has_the_root():
    assert "/" in [mount.point for mount in mount_table()]
