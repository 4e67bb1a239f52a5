"""A run's insides, as the session would hold them, with the control plane in front."""

import asyncio
import http.client
import threading
from pathlib import Path

from tests.served import at
from vhlocal.api.client import Client
from vhlocal.api.plane import ControlPlane
from vhlocal.contract.limits import MEBIBYTE
from vhlocal.errors import InputError
from vhlocal.events import Bus, LogLine, StatusChanged
from vhlocal.model import Call, Place, State, Status, Version
from vhlocal.series.store import Store
from vhlocal.session.board import Board
from vhlocal.session.record import RunRecord
from vhlocal.session.traffic.requests import Requests
from vhlocal.session.view import View

VERSION = Version("acme", "digits", "local", "20261124.0", ("dev",))


class Run:
    """See the module."""

    def __init__(self, *, open_to_network=False, state=None, url="http://127.0.0.1:8080"):
        self.bus = Bus()
        self.board = Board()
        self.bus.subscribe(self.board.apply)
        self.bus.publish(StatusChanged(Status(at("predict"), State.WAITING)))
        self.stopped = threading.Event()
        self.plane = ControlPlane(state)
        self.loop = asyncio.new_event_loop()
        self.requests = Requests(self.loop, self.bus)
        self.metrics = Store()
        self.view = View(
            versions=lambda: (VERSION,),
            board=self.board,
            requests=self.requests,
            metrics=self.metrics,
            recordings=None,
            connections=lambda: (3, 2),
            examined=lambda: False,
            bus=self.bus,
            url=url,
            open_to_network=open_to_network,
            shared="http://192.0.2.7:8080" if open_to_network else "",
            token="token",
            run="run",
            stop=lambda _: self.stopped.set(),
            memory=lambda: {at("predict"): 51 * MEBIBYTE},
            in_flight=lambda _: 4,
            change=self.change,
            schema=self.schema,
            call=lambda _: Call("POST", "/predict", "{}", "application/json"),
        )
        self.host, self.port = self.plane.start(self.view)
        #: The page's origin: its address without the slash, and the key to it.
        self.page, _, self.key = self.plane.link.partition("/#key=")

    def change(self, _work):
        raise InputError("there is no such thing", place=Place(Path("valohai.yaml"), 3), hint="ask for another")

    def schema(self, served):
        return {"paths": {}, "served": [str(at) for at in served]}

    def client(self, token="token"):
        return Client(RunRecord("run", 1, f"http://{self.host}:{self.port}", token, VERSION.name, 0.0))

    def get(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    def of_page(self, path, method="GET", body=None, key=True, **headers):
        """Ask at the page's origin, with its key unless that is left out or another one."""
        shown = {"Authorization": f"Bearer {self.key if key is True else key}"} if key else {}
        connection = http.client.HTTPConnection(self.page.removeprefix("http://"), timeout=30)
        connection.request(method, path, body, {**shown, **headers})
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        return answer, said

    def crash(self):
        self.bus.publish(LogLine(at("predict"), "stderr", "ValueError: <boom>", 1.0))
        self.bus.publish(StatusChanged(Status(at("predict"), State.CRASHED, "exit code 3", "look above")))

    def close(self):
        self.plane.stop()
        self.loop.close()
