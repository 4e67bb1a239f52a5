import os

import pytest

from vhlocal.project.network import HostNetwork, host_network


class Home:
    """A home directory, and a host that has no settings but those in it."""

    def __init__(self, path):
        self.path = path

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def network(self, environ=()):
        base = {"XDG_CONFIG_DIRS": str(self.path / "none"), "HOME": str(self.path)}
        return host_network({**base, **dict(environ)}, self.path / "etc" / "pip.conf")

    def pip(self, environ=()):
        return dict(self.network(environ).pip)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_a_host_without_settings_has_none(home):
    assert home.network() == HostNetwork()


def test_proxies_keep_their_case(home):
    environ = {
        "http_proxy": "http://p:1",
        "HTTPS_PROXY": "http://p:2",
        "no_proxy": "a,b",
        "ALL_PROXY": "",
        "PROXY": "x",
    }
    assert home.network(environ).proxies == {"http_proxy": "http://p:1", "HTTPS_PROXY": "http://p:2", "no_proxy": "a,b"}


def test_pip_s_variables_are_taken_unless_they_name_this_host(home):
    environ = {
        "PIP_INDEX_URL": "https://user:secret@pypi.example.com/simple",
        "PIP_EXTRA_INDEX_URL": "file:///srv/simple https://b.example.com/",
        "PIP_FIND_LINKS": "/srv/wheels ./wheels",
        "PIP_TRUSTED_HOST": "pypi.example.com",
        "PIP_TIMEOUT": "5",
        "PIP_CACHE_DIR": "/cache",
        "PIP_CERT": "/none.pem",
    }
    assert home.pip(environ) == {
        "PIP_INDEX_URL": "https://user:secret@pypi.example.com/simple",
        "PIP_EXTRA_INDEX_URL": "https://b.example.com/",
        "PIP_TRUSTED_HOST": "pypi.example.com",
        "PIP_TIMEOUT": "5",
    }
    assert "secret" not in repr(home.network(environ))


def test_pip_s_files_stand_below_the_environment_and_each_other(home):
    home.write(
        "xdg/pip/pip.conf", "[global]\nindex-url = https://system/\ntimeout = 1\nretries = 1\nproxy = http://p\n"
    )
    home.write(".pip/pip.conf", "[global]\ntimeout = 2\n")
    home.write(
        ".config/pip/pip.conf",
        "[install]\ntrusted_host =\n    a.example.com\n    b.example.com\nretries = 4\n[global]\nretries = 3\n"
        "[wheel]\npre=1\n",
    )
    environ = {"XDG_CONFIG_DIRS": str(home.path / "xdg"), "PIP_INDEX_URL": "https://env/"}
    assert home.pip(environ) == {
        "PIP_INDEX_URL": "https://env/",
        "PIP_TIMEOUT": "2",
        "PIP_RETRIES": "4",
        "PIP_PROXY": "http://p",
        "PIP_TRUSTED_HOST": "a.example.com b.example.com",
    }


def test_a_named_file_replaces_the_user_s_and_the_null_device_all(home):
    home.write(".config/pip/pip.conf", "[global]\ntimeout = 2\n")
    named = home.write("named.conf", "[global]\nretries = 9\n")
    venv = home.write("venv/pip.conf", "[global]\nretries = 8\nindex-url = file:///srv\n")
    assert home.pip({"PIP_CONFIG_FILE": str(named), "VIRTUAL_ENV": str(venv.parent)}) == {"PIP_RETRIES": "9"}
    assert home.pip({"PIP_CONFIG_FILE": os.devnull}) == {}


def test_a_broken_file_is_left_out_with_a_notice(home):
    file = home.write(".config/pip/pip.conf", "timeout = 2\n")
    network = home.network()
    assert network.pip == {}
    (notice,) = network.notices
    assert notice.place.file == file


def test_the_first_ca_bundle_that_exists_is_taken(home):
    bundle, other = home.write("ca.pem", "x"), home.write("other.pem", "x")
    assert home.network({"PIP_CERT": "/none", "SSL_CERT_FILE": str(bundle)}).ca_bundle == bundle
    assert home.network({"REQUESTS_CA_BUNDLE": str(other), "SSL_CERT_FILE": str(bundle)}).ca_bundle == other
    home.write(".config/pip/pip.conf", f"[global]\ncert = {other}\n")
    assert home.network().ca_bundle == other
