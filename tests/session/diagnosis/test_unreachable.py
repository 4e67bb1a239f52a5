"""A server that runs and lets nobody in."""

import requests

from tests.engine.servers import project_of
from tests.waiting import wait_for

#: Closes its port when it is asked to, and listens again once a file is there.
SERVER = """
import http.server, os, threading, time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if self.path.endswith("/close"):
            threading.Thread(target=self.server.shutdown).start()


while True:
    with http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler) as server:
        server.serve_forever()
    while not os.path.exists(OPEN):
        time.sleep(0.05)
"""


def test_it_is_told_as_that_and_led_to_again_once_it_lets_in(project, process_run, tmp_path):
    again = tmp_path / "open"
    files = {**project_of("python server.py"), "server.py": f"OPEN = {str(again)!r}\n{SERVER}"}
    run = process_run(project(files))
    url = run.url("plain")
    assert requests.get(f"{url}/close", timeout=30).status_code == 200

    def unavailable() -> dict | None:
        answer = requests.get(url, timeout=30)
        return answer.json() if answer.status_code == 503 else None

    told = wait_for(unavailable, "the endpoint to be told as closed")
    assert told["state"] == "failed"
    assert "no longer accepts connections on port" in told["why"] and "its server runs" in told["why"]
    assert run.endpoints()["plain"]["state"] == "failed"
    run.wait_for_output("error: plain: its server runs, but no longer accepts connections on port")
    again.touch()
    run.wait_for_state("ready")
    assert requests.get(url, timeout=30).status_code == 200
