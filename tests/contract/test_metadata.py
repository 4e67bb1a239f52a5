import json

import pytest

from vhlocal.contract.metadata import ChosenFile, Origin, VersionFacts, metadata, metadata_file
from vhlocal.model import Endpoint, Resources, Version

ORIGIN = Origin("~abc", "2024-02-03T04:05:06+00:00", "main", "https://example.com/acme/digits.git")


@pytest.fixture
def facts():
    endpoints = (
        Endpoint("predict", "python:3.11", 8000, wsgi="app", resources=Resources(cpu_min=0.5, memory_max=512)),
        Endpoint("plain", "python:3.11", 8000, wsgi="app", node_selector="zone=a"),
    )
    return VersionFacts(
        version=Version("acme", "digits", "local", "20181002.0", ("dev", "staging")),
        endpoints=endpoints,
        files={"predict": [ChosenFile("model", "model.pkl", 5)]},
        origin=ORIGIN,
        created="2024-02-03T04:05:06+00:00",
        base_url="http://localhost:8080",
    )


def test_the_documented_keys_are_there(facts):
    """B6: deployment, version, endpoints and files, under the documented keys."""
    told = metadata(facts, "predict")
    assert sorted(told) == ["deployment", "endpoint", "meta", "project", "version"]
    assert told["deployment"]["name"] == "local"
    assert [alias["name"] for alias in told["deployment"]["version_aliases"]] == ["dev", "staging"]
    assert told["version"]["name"] == "20181002.0"
    assert told["version"]["commit"]["identifier"] == "~abc"
    assert [endpoint["name"] for endpoint in told["version"]["endpoints"]] == ["predict", "plain"]
    assert told["project"]["repository"] == {"ref": "main", "url": "https://example.com/acme/digits.git"}


def test_the_endpoint_is_the_container_s_own(facts):
    """B6: each container is told of its own endpoint, with its files and resources."""
    endpoint = metadata(facts, "predict")["endpoint"]
    (file,) = endpoint["files"]
    assert (file["name"], file["datum"]["name"], file["datum"]["size"]) == ("model", "model.pkl", 5)
    assert (endpoint["cpu_request"], endpoint["memory_limit"], endpoint["memory_request"]) == (0.5, 512, 0)
    assert metadata(facts, "plain")["endpoint"]["node_selector"] == "zone=a"


def test_urls_lead_to_the_version_s_paths(facts):
    """B6, P1: the URLs are those that answer."""
    urls = metadata(facts, "predict")["version"]["endpoint_urls"]
    assert urls["plain"] == "http://localhost:8080/acme/digits/local/20181002.0/plain"


def test_the_file_is_json_and_the_same_each_time(facts):
    """B6: ids are made from the names, so that they stay the same from run to run."""
    text = metadata_file(facts, "predict")
    assert json.loads(text) == metadata(facts, "predict")
    assert metadata_file(facts, "predict") == text
