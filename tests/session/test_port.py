import os
import socket

import pytest

from vhlocal.errors import InputError
from vhlocal.session.port import listen


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_was_asked_for_is_taken_or_its_holder_named(taken):
    with pytest.raises(InputError) as caught:
        listen("127.0.0.1", taken, given=True)
    assert f"port {taken} is in use" in caught.value.message
    assert f"process {os.getpid()}" in caught.value.message


def test_a_port_that_was_not_asked_for_gives_way_to_the_next_free_one(taken):
    with listen("127.0.0.1", taken, given=False) as found:
        assert taken < found.getsockname()[1] < taken + 100


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0, given=False)
