from vhlocal.contract.environment import server_environment
from vhlocal.model import Endpoint, Version

VERSION = Version("acme", "digits", "local", "20181002.0", ("dev",))
ENDPOINT = Endpoint("predict", "python:3.11", 8123, wsgi="app")


def test_the_platform_s_variables_are_there():
    """P5, P6, P8: where the endpoint is served, and on which port."""
    assert server_environment(VERSION, ENDPOINT, {}) == {
        "SCRIPT_NAME": "/acme/digits/local/20181002.0/predict",
        "VH_DEFAULT_PREFIX": "/acme/digits/local/20181002.0/predict/",
        "VALOHAI_PORT": "8123",
    }


def test_script_name_may_be_left_unset():
    """P5: and then a project's own variable of that name is the user's."""
    environment = server_environment(VERSION, ENDPOINT, {}, script_name=False)
    assert sorted(environment) == ["VALOHAI_PORT", "VH_DEFAULT_PREFIX"]
    own = server_environment(VERSION, ENDPOINT, {"SCRIPT_NAME": "/x"}, script_name=False)
    assert own["SCRIPT_NAME"] == "/x"


def test_the_user_s_variables_are_there_and_the_platform_s_win():
    """B8: the project's and the version's own."""
    environment = server_environment(VERSION, ENDPOINT, {"MODE": "fast", "VALOHAI_PORT": "1"})
    assert (environment["MODE"], environment["VALOHAI_PORT"]) == ("fast", "8123")
