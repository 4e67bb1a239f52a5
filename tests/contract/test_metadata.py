import json
from dataclasses import replace
from pathlib import Path

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


TEXT, NUMBER, NOTHING = "text", "number", "nothing"
PROJECT = {
    **dict.fromkeys(("ctime", "description", "id", "mtime", "name", "url"), TEXT),
    **dict.fromkeys(("enabled_endpoint_count", "execution_count", "last_execution_ctime"), NOTHING),
    **dict.fromkeys(("queued_execution_count", "running_execution_count"), NOTHING),
    "owner": {"id": NUMBER, "username": TEXT},
    "urls": {"display": TEXT, "display_repository": TEXT},
}
COMMIT = {
    **dict.fromkeys(("commit_time", "description", "identifier", "ref"), TEXT),
    **dict.fromkeys(("adhoc", "has_config"), bool),
    "urls": {"display": TEXT},
}
VERSION_ENTRY = {
    "commit": COMMIT,
    "enabled": bool,
    **dict.fromkeys(("ctime", "deployment", "id", "name", "url"), TEXT),
}
DATUM = {
    **dict.fromkeys(("ctime", "id", "name", "store", "project"), TEXT),
    **dict.fromkeys(("file_ctime", "file_mtime", "md5", "output_execution", "sha1", "sha256"), NOTHING),
    "purged": bool,
    "size": NUMBER,
    "tags": [],
}
ENDPOINT = {
    **dict.fromkeys(("endpoint_url", "id", "name", "node_selector", "status", "url", "version"), TEXT),
    **dict.fromkeys(("cpu_request", "memory_limit", "memory_request"), NUMBER),
    **dict.fromkeys(("enabled", "is_ready_to_deploy"), bool),
    "status_detail": NOTHING,
    "files": [{"datum": DATUM, "id": TEXT, "name": TEXT}],
}
OWN_DATUM = {**DATUM, "aliases": [], "project": PROJECT, "uri": NOTHING}
COUNTS = "complete created error queued started stopped stopping stopping_hard"
METADATA = {
    "deployment": {
        **dict.fromkeys(("ctime", "id", "name", "target", "target_log_handler_type", "url"), TEXT),
        "enabled": bool,
        "owner": NUMBER,
        "project": PROJECT,
        "urls": {"display": TEXT},
        "version_aliases": [{"name": TEXT, "target": TEXT}] * 2,
        "versions": [VERSION_ENTRY],
    },
    "endpoint": {**ENDPOINT, "files": [{"datum": OWN_DATUM, "id": TEXT, "name": TEXT}]},
    "meta": {"ctime": TEXT},
    "project": {
        **PROJECT,
        **dict.fromkeys(("default_environment", "default_store"), NOTHING),
        "environment_variables": {},
        "execution_summary": {"count": NUMBER, **{f"{name}_count": NUMBER for name in COUNTS.split()}},
        "read_only": bool,
        "repository": {"ref": TEXT, "url": TEXT},
        "tags": [],
        "upload_store_id": TEXT,
    },
    "version": {
        **VERSION_ENTRY,
        "creator": {"id": NUMBER, "username": TEXT},
        "endpoint_urls": {"predict": TEXT, "plain": TEXT},
        "endpoints": [ENDPOINT, {**ENDPOINT, "files": []}],
        "environment_variables": {},
        "mtime": TEXT,
    },
}


def shape(value):
    """Return a value with its leaves' types in their places."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return {str: TEXT, int: NUMBER, float: NUMBER, type(None): NOTHING}.get(type(value), type(value))


def test_all_keys_of_valohais_own_example_are_there_with_values_of_its_types(facts):
    """B6: code that reads any of them, such as deployment.target, finds there what it finds in production."""
    assert shape(metadata(facts, "predict")) == METADATA


def test_an_endpoint_asks_for_a_tenth_of_a_core_where_it_does_not_say(facts):
    """B6: as production's example has it."""
    assert metadata(facts, "plain")["endpoint"]["cpu_request"] == 0.1


def test_the_endpoint_is_the_container_s_own(facts):
    """B6: each container is told of its own endpoint, with its files and resources."""
    endpoint = metadata(facts, "predict")["endpoint"]
    (file,) = endpoint["files"]
    assert (file["name"], file["datum"]["name"], file["datum"]["size"]) == ("model", "model.pkl", 5)
    assert (endpoint["cpu_request"], endpoint["memory_limit"], endpoint["memory_request"]) == (0.5, 512, 0)
    assert metadata(facts, "plain")["endpoint"]["node_selector"] == "zone=a"


def test_the_file_is_the_same_from_release_to_release(facts):
    """B6: byte for byte, ids included: code may have kept them. Where this has to change, the changelog says so."""
    assert metadata_file(facts, "predict") == Path(__file__).with_name("metadata.json").read_bytes()


def test_what_the_same_is_true_of_in_production_has_its_value(facts):
    """B6: a type alone would do for code that prints it, and not for code that asks."""
    told = metadata(facts, "predict")
    deployment, project = told["deployment"], told["project"]
    assert (deployment["enabled"], deployment["target"]) == (True, "local")
    assert deployment["target_log_handler_type"] == "elasticsearch"
    assert deployment["url"] == f"http://localhost:8080/api/v0/deployments/{deployment['id']}/"
    assert deployment["urls"]["display"].endswith(f"/deployment/{deployment['id']}/")
    assert deployment["id"] == told["version"]["deployment"]
    assert (project["read_only"], set(project["execution_summary"].values())) == (False, {0})


def test_a_project_s_page_has_its_whole_name(facts):
    """B6: whatever it ends in."""
    named = replace(facts, version=Version("acme", "BOXX", "local", "20181002.0"))
    urls = metadata(named, "predict")["project"]["urls"]
    assert urls["display"] == "http://localhost:8080/p/acme/BOXX/"
    assert urls["display_repository"] == "http://localhost:8080/p/acme/BOXX/settings/repository/"


def test_urls_lead_to_the_version_s_paths(facts):
    """B6, P1: the URLs are those that answer."""
    urls = metadata(facts, "predict")["version"]["endpoint_urls"]
    assert urls["plain"] == "http://localhost:8080/acme/digits/local/20181002.0/plain"


def test_the_file_is_json_and_the_same_each_time(facts):
    """B6: ids are made from the names, so that they stay the same from run to run."""
    text = metadata_file(facts, "predict")
    assert json.loads(text) == metadata(facts, "predict")
    assert metadata_file(facts, "predict") == text
