"""When ``up`` imports what shows a run: once something is to be told that somebody waits for."""

import threading

import pytest

from tests.served import at
from vhlocal import events
from vhlocal.cli import up
from vhlocal.errors import InputError
from vhlocal.model import State, Status

LISTENING = events.Listening("http://127.0.0.1:1", "http://127.0.0.1:1/api/")
ON_THE_WAY = (State.WAITING, State.BUILDING, State.STARTING)


def changed(state: State) -> events.StatusChanged:
    return events.StatusChanged(Status(at("web"), state))


@pytest.mark.parametrize(
    "event",
    [
        events.Ready("http://127.0.0.1:1", (), 1.0),
        events.Problem(InputError("wrong")),
        events.StepStarted("1", "web", "new", ()),
        events.Stopping("Ctrl-C"),
        events.Waiting("still stopping"),
        *(changed(state) for state in State if state not in ON_THE_WAY),
    ],
    ids=str,
)
def test_shows_all_from_the_first_event_that_is_waited_for(
    event: events.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[events.Event] = []
    monkeypatch.setattr(up, "_HEAD_START", threading.TIMEOUT_MAX)
    monkeypatch.setattr(up, "_terminal", lambda *_args, **_kwargs: shown.append)
    display = up._Shown(lambda: None, verbose=False, profile=False)
    thread = threading.Thread(target=display.show, args=(LISTENING,), daemon=True)
    thread.start()
    display.look(event)
    thread.join(60)
    assert shown == [LISTENING]
