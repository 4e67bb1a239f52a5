"""Small projects by path and text, to look at and to break."""

from __future__ import annotations

YAML = """\
- endpoint:
    name: greet
    image: python:3.12-slim
    wsgi: server:app
"""
APP = "from flask import Flask\n\napp = Flask(__name__)\n"
FLASK = {"valohai.yaml": YAML, "server.py": APP, "requirements.txt": "flask>=3.0\n"}


def flask(code: str = "", **files: str) -> dict[str, str]:
    return {**FLASK, "server.py": APP + code, **files}


def wsgi(target: str, **files: str) -> dict[str, str]:
    paths = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    return {"valohai.yaml": YAML.replace("server:app", target), "requirements.txt": "flask>=3.0\n", **paths}


def command(*lines: str, image: str = "python:3.12-slim", **files: str) -> dict[str, str]:
    text = "".join(f"      - {line}\n" for line in lines)
    yaml = f"- endpoint:\n    name: greet\n    image: {image}\n    server-command:\n{text}"
    return {"server.py": APP, "requirements.txt": "flask>=3.0\ngunicorn>=23\nuvicorn>=0.30\n", **files} | {
        "valohai.yaml": yaml
    }
