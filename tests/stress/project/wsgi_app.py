"""A WSGI app by hand: ``/quick``, ``/slow?SECONDS``, ``/events`` and ``/upload``, under any prefix."""

import time

import answers


def app(environ, start_response):
    what = environ["PATH_INFO"].rpartition("/")[2]
    if what == "events":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()
    if what == "slow":
        time.sleep(answers.seconds(environ["QUERY_STRING"]))
    body = answers.facts(environ["wsgi.input"].read() if what == "upload" else b"")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def events():
    while True:
        yield answers.event()
        time.sleep(answers.PAUSE)
