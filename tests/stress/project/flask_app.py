"""Flask, under Gunicorn and by its own server: ``/quick``, ``/slow?SECONDS``, ``/events`` and ``/upload``."""

import time

import answers
import flask

app = flask.Flask(__name__)


@app.route("/", defaults={"path": ""})
@app.route("/<path:path>", methods=["GET", "POST"])
def answer(path):
    what = path.rpartition("/")[2]
    if what == "events":
        return flask.Response(events(), mimetype="text/event-stream")
    if what == "slow":
        time.sleep(answers.seconds(flask.request.query_string.decode()))
    body = flask.request.get_data() if what == "upload" else b""
    return flask.Response(answers.facts(body), mimetype="application/json")


def events():
    while True:
        yield answers.event()
        time.sleep(answers.PAUSE)


if __name__ == "__main__":
    app.run("0.0.0.0", 8000)
