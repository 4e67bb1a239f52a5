import threading

from tests.served import at
from vhlocal.events import Bus, Compared, Event, Notice, Stopping


def test_every_subscriber_gets_every_event_in_order():
    bus = Bus()
    first: list[Event] = []
    second: list[Event] = []
    bus.subscribe(first.append)
    bus.subscribe(second.append)
    events = [Notice("one"), Stopping("two"), Notice("three")]
    for event in events:
        bus.publish(event)
    assert first == second == events


def test_who_unsubscribes_gets_no_more_even_amid_an_event():
    bus = Bus()
    got = []

    def once(event):
        got.append(event)
        unsubscribe()

    unsubscribe = bus.subscribe(once)
    bus.publish(Notice("one"))
    bus.publish(Notice("two"))
    assert got == [Notice("one")]


def test_an_event_published_by_a_subscriber_is_handed_on():
    bus = Bus()
    got = []

    def answer(event):
        got.append(event)
        if event == Notice("question"):
            bus.publish(Notice("answer"))

    bus.subscribe(answer)
    bus.publish(Notice("question"))
    assert got == [Notice("question"), Notice("answer")]


def test_threads_publish_one_at_a_time():
    bus = Bus()
    inside = []
    most = []

    def record(event):
        inside.append(event)
        most.append(len(inside))
        inside.remove(event)

    bus.subscribe(record)

    def publish(name):
        for number in range(200):
            bus.publish(Notice(f"{name} {number}"))

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 800


def test_what_a_comparison_came_to_is_one_line():
    one, other = "POST /a: $.x 1 → 2 (and 2 more)", "GET /b: status 200 → 500"
    assert Compared(at("digits"), 5, ()).text == "5 replayed: 5 same"
    assert Compared(at("digits"), 4, (one,)).text == f"5 replayed: 4 same, 1 differs ({one})"
    some = Compared(at("digits"), 1, (one, other), 3)
    assert some.counts == "6 replayed: 1 same, 3 without a complete answer in time, 2 differ"
    assert some.text == f"{some.counts} ({one})"
