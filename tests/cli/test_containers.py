"""What reaches the container: variables, files, volumes, limits and labels, as the engine and the server see them."""

from __future__ import annotations

import json

import pytest
import requests

from tests.cli.projects import PLAIN, plain
from tests.engine_fixtures import containers_of

#: Far over what a container is given of the machine, so that the numbers can only be the yaml's.
RESOURCES = """\
    resources:
      cpu:
        min: 0.25
        max: 0.5
      memory:
        min: 64
        max: 128
"""
FILES = "    files:\n      - name: model\n        path: models/model.pkl\n"
VOLUMES = """\
    shared-volumes:
      - pvc-name: models
        mount-path: /mnt/models
        read-only: true
      - pvc-name: cache
        mount-path: /mnt/cache
        sub-path: mine
    workspace-volume:
      mount-path: /mnt/work
      size: 1
"""


@pytest.fixture
def inspected(engine, starting):
    """Run a project until it is ready, and return the run, its container, and what the engine tells of that."""

    def inspect(run, directory):
        run.wait_for_state("ready")
        [name] = containers_of(engine, directory)
        container = engine.containers.get(name)
        return container, container.attrs

    return inspect


def said(container, *command: str) -> str:
    """Return what a command prints in the container."""
    code, output = container.exec_run(list(command))
    return f"{code} {output.decode()}"


def test_the_platforms_variables_reach_the_server(project, starting):
    """P5, P6, P8: SCRIPT_NAME, VH_DEFAULT_PREFIX and VALOHAI_PORT; B7: the code's directory is the working one."""
    names = ("--owner", "me", "--project", "it", "--deployment", "live", "--version-name", "v1", "--alias", "staging")
    with starting(project(plain("    port: 9321\n")), "--port", "0", *names) as run:
        run.wait_for_state("ready")
        found = requests.get(run.url("plain") + "environment", timeout=60).json()
    assert found["SCRIPT_NAME"] == "/me/it/live/v1/plain"
    assert found["VH_DEFAULT_PREFIX"] == "/me/it/live/v1/plain/"
    assert found["VALOHAI_PORT"] == "9321"
    assert found["<cwd>"] == "/valohai/code"


SETTINGS_FILE = "variables: {A: yaml, B: yaml, C: yaml, D: yaml}\nenv-file: project.env\n"


@pytest.mark.parametrize("inherit", [True, False])
def test_variables_reach_the_server_from_the_nearest_source(project, starting, inherit):
    """B8: the version's variables win over the project's, which are inherited unless that is switched off."""
    files = {"vhlocal.yaml": SETTINGS_FILE, "project.env": "E=project\n", "mine.env": "A=file\nB=file\n"}
    directory = project(PLAIN | files)
    mine = ("--env-file", str(directory / "mine.env"), "--var", "A=flag=1", "--var", "SCRIPT_NAME=/mine")
    flags = mine if inherit else (*mine, "--no-inherit-env-vars")
    with starting(directory, "--port", "0", *flags, environment={"VHLOCAL_VARIABLES": "A=env,C=env"}) as run:
        run.wait_for_state("ready")
        found = requests.get(run.url("plain") + "environment", timeout=60).json()
    wanted = {"A": "flag=1", "B": "file", "C": "env", "D": "yaml" if inherit else None, "E": None}
    assert {name: found.get(name) for name in wanted} == wanted
    assert found["SCRIPT_NAME"].endswith("/plain")
    assert not any(name.startswith("VHLOCAL_") for name in found)


def test_explain_settings_shows_where_each_value_comes_from(project, vhlocal):
    directory = project(PLAIN | {"vhlocal.yaml": "deployment: live\nvariables:\n  TOKEN: hidden\n  A: shown\n"})
    arguments = ("up", "-C", str(directory), "--explain-settings", "--alias", "staging", "--var", "B=1")
    done = vhlocal(*arguments, environment={"VHLOCAL_PORT": "9000"})
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in done.stdout.splitlines()}
    assert done.returncode == 0
    assert rows["aliases"] == "staging flag --alias"
    assert rows["port"] == "9000 environment VHLOCAL_PORT"
    assert rows["deployment"] == "live vhlocal.yaml:1"
    assert rows["host"] == "127.0.0.1 default"
    assert rows["project"] == "project directory name"
    assert rows["variables.A"] == "shown vhlocal.yaml:4"
    assert rows["variables.B"] == "1 flag --var"
    assert "hidden" not in done.stdout


def test_limits_labels_and_isolation_reach_the_engine(project, starting, inspected):
    """K1: resources are enforced by the engine."""
    directory = project(plain(RESOURCES))
    with starting(directory, "--port", "0", "--owner", "me") as run:
        _, found = inspected(run, directory)
    host, labels = found["HostConfig"], found["Config"]["Labels"]
    assert host["NanoCpus"] == 500_000_000
    assert host["CpuShares"] == 256
    assert host["Memory"] == host["MemorySwap"] == 128 * 1024 * 1024
    assert host["MemoryReservation"] == 64 * 1024 * 1024
    assert host["Init"] is True
    assert host["Privileged"] is False
    assert labels["vhlocal.project"] == "me/project"
    assert labels["vhlocal.endpoint"] == "plain"
    assert labels["vhlocal.directory"] == str(directory)
    assert labels["vhlocal.run"]
    bindings = [binding for each in (host["PortBindings"] or {}).values() for binding in each]
    assert all(binding["HostIp"] == "127.0.0.1" for binding in bindings)


def test_what_one_machine_cannot_do_is_told_with_its_line(project, starting):
    """K1, K5: where the engine cannot enforce, one clear notice."""
    more = "    resources:\n      ephemeral-storage:\n        max: 100\n    node-selector: gpu=yes\n"
    directory = project(plain(more))
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        run.wait_for_output("note: plain: resources.ephemeral-storage is not enforced on this machine\n")
        run.wait_for_output(f"at {directory}/valohai.yaml:6:7\n")
        run.wait_for_output("note: plain: node-selector and tolerations choose among machines: there is only this one")
        run.wait_for_output(f"at {directory}/valohai.yaml:8:5\n")


def test_a_chosen_file_is_the_containers_own(project, starting, inspected, tmp_path):
    """B4: files are chosen when the version is made and land at their path."""
    model, path = tmp_path / "chosen.bin", "/valohai/code/models/model.pkl"
    model.write_text("the model")
    directory = project(plain(FILES))
    with starting(directory, "--port", "0", "--file", f"plain.model={model}") as run:
        container, found = inspected(run, directory)
        assert said(container, "sh", "-c", f"cat {path} && printf ' changed' >> {path}") == "0 the model"
        assert said(container, "cat", path) == "0 the model changed"
        assert said(container, "rm", path) == "0 "
    assert not any(mount["Source"] == str(model) for mount in found["Mounts"])
    assert model.read_text() == "the model"


def test_a_file_at_its_own_path_is_used_and_that_is_told(project, starting, inspected):
    """B4: without a choice the project's own file is taken, with a notice."""
    directory = project(plain(FILES, **{"models/model.pkl": "its own"}))
    with starting(directory, "--port", "0") as run:
        container, _ = inspected(run, directory)
        assert said(container, "cat", "/valohai/code/models/model.pkl") == "0 its own"
        run.wait_for_output("using ./models/model.pkl for plain.model; choose another with --file plain.model=PATH")


def test_volumes_are_shared_or_a_replicas_own(project, starting, inspected):
    """K4: a shared volume outlives the run; the workspace dies with its replica."""
    directory = project(plain(VOLUMES))
    with starting(directory, "--port", "0") as run:
        container, _ = inspected(run, directory)
        assert "Read-only file system" in said(container, "touch", "/mnt/models/x")
        assert said(container, "sh", "-c", "echo kept > /mnt/cache/x; echo lost > /mnt/work/x") == "0 "
    with starting(directory, "--port", "0") as run:
        container, _ = inspected(run, directory)
        assert said(container, "cat", "/mnt/cache/x") == "0 kept\n"
        assert said(container, "ls", "/mnt/work") == "0 "


def test_the_metadata_file_is_in_both_places_and_read_only(project, starting, inspected):
    """B6: valohai-metadata.json, read-only, in the code's directory and in /valohai."""
    directory = project(plain())
    with starting(directory, "--port", "0", "--owner", "me", "--version-name", "v1") as run:
        container, _ = inspected(run, directory)
        for path in ("/valohai/code/valohai-metadata.json", "/valohai/valohai-metadata.json"):
            told = json.loads(said(container, "cat", path).partition(" ")[2])
            assert told["version"]["name"] == "v1"
            assert told["project"]["owner"]["username"] == "me"
            assert told["endpoint"]["name"] == "plain"
            assert said(container, "stat", "-c", "%a", path) == "0 444\n"


def test_the_platforms_metadata_stays_where_a_chosen_file_is_to_land(project, starting, inspected):
    """B4, B6: as without an engine."""
    more = "    files:\n      - name: facts\n        path: valohai-metadata.json\n"
    directory = project(plain(more) | {"chosen.json": "{}", "vhlocal.yaml": "files:\n  plain.facts: chosen.json\n"})
    with starting(directory, "--port", "0") as run:
        container, _ = inspected(run, directory)
        told = json.loads(said(container, "cat", "/valohai/code/valohai-metadata.json").partition(" ")[2])
        assert told["endpoint"]["name"] == "plain"


def test_only_the_packaged_set_is_in_the_container(project, starting, inspected):
    """B5: what git or .vhignore ignore is not there, as it would not be in production."""
    ignored = {".gitignore": "*.log\n", ".vhignore": "notes/\n", "a.log": "", "notes/n.txt": "", "kept/k.txt": ""}
    directory = project(PLAIN | ignored)
    with starting(directory, "--port", "0") as run:
        container, _ = inspected(run, directory)
        listed = said(container, "find", "/valohai/code", "-type", "f", "-printf", "%P ").split()[1:]
    assert "kept/k.txt" in listed
    assert not {"a.log", "notes/n.txt"}.intersection(listed)
    assert {"server.py", "valohai.yaml", "valohai-metadata.json"} <= set(listed)


def test_requirements_deployment_txt_is_installed_instead_of_requirements_txt(project, starting, inspected, one_off):
    """B2: requirements-deployment.txt, or requirements.txt where the first is absent."""
    files = {**one_off, "requirements-deployment.txt": "./local\n", "requirements.txt": "no-such-thing-at-all\n"}
    directory = project(PLAIN | files)
    with starting(directory, "--port", "0") as run:
        container, _ = inspected(run, directory)
        assert "one-off-" in said(container, "pip", "list", "--user")
        run.wait_for_output("build: requirements-deployment.txt for plain")
