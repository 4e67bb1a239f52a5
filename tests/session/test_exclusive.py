"""A server that holds what only one can have, beside its endpoint's port."""

from tests.session.edited import YAML, numbered
from tests.session.test_processes import asked
from tests.waiting import free_port, wait_for


def test_a_port_that_the_code_opens_at_its_import_is_named_once_and_edits_are_brought_in_by_restart(
    project, process_run
):
    port = free_port()
    metrics = f"import socket\nMETRICS = socket.create_server(('127.0.0.1', {port}))\n"
    directory = project({"valohai.yaml": YAML, "server.py": metrics + numbered(1)})
    run = process_run(directory)
    url = run.url("words")
    for number in (2, 3):
        (directory / "server.py").write_text(metrics + numbered(number))
        wait_for(lambda number=number: asked(url)["number"] == number, f"edit {number}")
    wait_for(lambda: run.output().count("(restart)") == 2, "both restarts to be told")
    told = " ".join(run.output().split())
    assert told.count(f"port {port} is held by the server that runs") == 1
    assert run.endpoints()["words"]["strategy"] == "restart"
