import os

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.project.trees import answer, trees
from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.project.config import load_config

FULL = """\
- step:
    name: train
    image: python:3.11
    command: python train.py
- endpoint:
    name: digits
    description: Reads digits
    image: python:3.11-slim
    wsgi: predict:app
    port: 8000.0
    files:
      - name: model
        path: ./models/model.pkl
    resources:
      cpu: {min: 0.1, max: 2}
      memory:
        max: 512
      ephemeral-storage: {max: 100}
      devices: {nvidia.com/gpu: 1}
    shared-volumes:
      - pvc-name: cache
        mount-path: /cache
        sub-path: a
        read-only: true
    workspace-volume:
      mount-path: /work
      size: 2
    node-selector: zone=a
    tolerations:
      - key: gpu
        operator: Exists
        effect: NoSchedule
- endpoint:
    name: plain
    image: python:3.11-slim
    server-command:
      - echo hello
      - python serve.py
"""

ENDPOINT = "- endpoint:\n    name: plain\n    image: x\n    wsgi: a\n"


@pytest.fixture
def load(project):
    def load(text):
        project.write("valohai.yaml", text)
        return load_config(project.directory)

    return load


@pytest.fixture
def refused(project, load):
    """What a text is refused with: ``LINE:COLUMN: message`` of each trouble, in order, and the error itself."""

    def refused(text):
        with pytest.raises(InputError) as caught:
            load(text)
        error = caught.value
        start = f"{project.directory / 'valohai.yaml'}:"
        lines = [f"{error.place}: {error.message}", *(error.detail or "").splitlines()]
        return [line.removeprefix(start).strip() for line in lines], error

    return refused


def test_every_key_of_an_endpoint_is_read(project, load):
    """B4, R1, R4, K1, K4, K5: the schema's keys become the model's."""
    config = load(FULL)
    digits = config.endpoints[0]
    assert (digits.name, digits.image, digits.wsgi, digits.port) == ("digits", "python:3.11-slim", "predict:app", 8000)
    assert isinstance(digits.port, int)
    assert digits.server_command is None
    assert digits.description == "Reads digits"
    assert [(file.name, file.path) for file in digits.files] == [("model", "models/model.pkl")]
    resources = digits.resources
    assert (resources.cpu_min, resources.cpu_max, resources.memory_max, resources.memory_min) == (0.1, 2, 512, None)
    assert (resources.storage_max, resources.devices) == (100, {"nvidia.com/gpu": 1})
    (volume,) = digits.shared_volumes
    assert (volume.claim, volume.mount_path, volume.sub_path, volume.read_only) == ("cache", "/cache", "a", True)
    assert (digits.workspace_volume.mount_path, digits.workspace_volume.size) == ("/work", 2)
    assert digits.node_selector == "zone=a"
    assert digits.tolerations == ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},)
    assert config.warnings == ()
    assert config.path == project.directory / "valohai.yaml"


def test_keys_that_are_not_written_have_production_s_defaults(load):
    """R1: the port defaults to 8000."""
    (endpoint,) = load(ENDPOINT).endpoints
    assert (endpoint.port, endpoint.files, endpoint.shared_volumes, endpoint.workspace_volume) == (8000, (), (), None)


def test_server_command_is_lines(load):
    """R2: a string is one line (which may have several in it), a list is its lines."""
    assert load(FULL).endpoints[1].server_command == ("echo hello", "python serve.py")
    text = "- endpoint:\n    name: aa\n    image: x\n    server-command: |\n      a\n      b\n"
    assert load(text).endpoints[0].server_command == ("a\nb\n",)


@pytest.mark.parametrize(
    ("key", "line", "column"),
    [
        ("", 5, 3),
        ("name", 6, 5),
        ("resources.memory", 16, 7),
        ("files", 11, 5),
        ("wsgi", 9, 5),
        ("server-command", 5, 3),
    ],
)
def test_places_lead_to_the_keys(project, load, key, line, column):
    assert load(FULL).endpoints[0].place(key) == Place(project.directory / "valohai.yaml", line, column)


def test_a_file_entry_knows_its_place(project, load):
    assert load(FULL).endpoints[0].files[0].place == Place(project.directory / "valohai.yaml", 12, 9)


@pytest.mark.parametrize(
    ("make", "what"), [(os.mkdir, "is a directory"), (os.mkfifo, "is no regular file")], ids=["directory", "fifo"]
)
def test_what_is_no_file_is_not_told_to_be_missing(tmp_path, make, what):
    make(tmp_path / "valohai.yaml")
    with pytest.raises(InputError) as caught:
        load_config(tmp_path)
    assert caught.value.message == f"valohai.yaml {what}"
    assert caught.value.place == Place(tmp_path / "valohai.yaml")


def test_a_missing_file_is_told_with_an_example(project):
    project.write("valohai.yml", ENDPOINT)
    with pytest.raises(InputError, match=r"there is no valohai\.yaml") as caught:
        load_config(project.directory)
    assert "-C DIRECTORY" in caught.value.hint
    assert "wsgi: app:app" in caught.value.hint


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", FULL.partition("- endpoint")[0]])
def test_no_endpoint_is_told_with_an_example(refused, text):
    lines, error = refused(text)
    assert "has no endpoint" in lines[0]
    assert "- endpoint:" in error.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENDPOINT.replace("    wsgi: a\n", ""), ["1:3: `endpoint` needs `server-command` or `wsgi`"]),
        (
            ENDPOINT + "    server-command: x\n",
            ["5:5: `endpoint` has both `server-command` and `wsgi`, but takes only one"],
        ),
        (
            ENDPOINT.replace("wsgi: a", "server-command: [a, 1]"),
            ["4:21: `server-command` must be text or a list of text, not this list"],
        ),
        (ENDPOINT + "    port: 80\n", ["5:11: `port` must be at least 1025, not 80"]),
        (ENDPOINT + "    port: 70000\n", ["5:11: `port` must be at most 65535, not 70000"]),
        (ENDPOINT + "    port: 8000.5\n", ["5:11: `port` must be a whole number, not 8000.5"]),
        (ENDPOINT + "    port: .nan\n", ["5:11: `port` must be a whole number, not nan"]),
        (ENDPOINT + "    wsgi: b\n", ["5:5: the key `wsgi` is written twice, first on line 4"]),
        (ENDPOINT.replace("wsgi: a", "wsgi: ''"), ["4:11: `wsgi` is empty"]),
        (ENDPOINT.replace("wsgi: a", "server-command: []"), ["4:21: `server-command` is empty"]),
        (ENDPOINT.replace("image: x", "image: ' '"), ["3:12: `image` is empty"]),
        (ENDPOINT.replace("plain", '"plain\\n"'), ["2:11: `name` ends in a line break"]),
        (ENDPOINT + "    imag: x\n", ["5:5: `endpoint` has an unknown key `imag`"]),
        (
            ENDPOINT.replace("image: x", "image: 3") + "    port: x\n",
            ["3:12: `image` must be text, not 3", '5:11: `port` must be a number, not "x"'],
        ),
        (ENDPOINT + "    description: yes\n", ["5:18: `description` must be text, not true"]),
        (
            ENDPOINT + "    files:\n      - nam: model\n",
            [
                "6:9: `files` item 1 has an unknown key `nam`",
                "6:9: `files` item 1 needs `name`",
                "6:9: `files` item 1 needs `path`",
            ],
        ),
        (
            ENDPOINT + "    resources: {memory: {min: 4, max: 2}}\n",
            ["5:31: `memory` has a `min` of 4, above its `max` of 2"],
        ),
        (ENDPOINT + "    resources: {cpu: {max: -1}}\n", ["5:28: `cpu` `max` must be a number from 0 up, not -1"]),
        (
            ENDPOINT + "    resources: {devices: {gpu: 1.5}}\n",
            ["5:32: the number of `gpu` must be whole, not 1.5"],
        ),
        (ENDPOINT + "    1: x\n", ["5:5: a key must be text"]),
        ("foo: 1\n", ["1:1: the file must be a list, not a mapping"]),
        (ENDPOINT + "- 3\n", ["5:3: item 2 must be a mapping, not 3"]),
        ("- endpoint:\n  name: x\n", ["1:12: `endpoint` must be a mapping, not empty"]),
    ],
)
def test_what_is_wrong_is_said_plainly_at_its_place(refused, text, expected):
    """R1, R2, R4, K1: what the platform's schema refuses, and what no server could live with."""
    assert refused(text)[0] == expected


def test_hints_say_what_to_do(refused):
    assert refused(ENDPOINT + "    prot: 8000\n")[1].hint == "did you mean `port`?"
    assert "lowercase" in refused(ENDPOINT.replace("plain", "Plain"))[1].hint
    assert refused("- endpoint:\n  name: x\n")[1].hint == "indent its contents below it"
    assert refused(ENDPOINT.replace("image: x", "image: 3"))[1].hint == "put the value in quotes"


def test_broken_yaml_is_told_with_its_place(refused):
    lines, _ = refused(ENDPOINT + "    files: [\n- endpoint:\n")
    assert lines[0].startswith("6:1: this is not valid YAML")


def test_two_endpoints_of_one_name_are_told_with_both_places(refused):
    lines, error = refused(ENDPOINT + ENDPOINT)
    assert lines == ["6:11: two endpoints are named `plain`, the first on line 2"]
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/passwd", "is absolute"),
        ("../model.pkl", "leaves the code's directory"),
        ("a/../../b", "leaves the code's directory"),
        (".", "leaves the code's directory"),
        ("''", "leaves the code's directory"),
        ("models", "two files land at one path"),
        ("./models/a.pkl", "two files land at one path"),
        ("models/a.pkl/b", "two files land at one path"),
    ],
)
def test_a_file_s_path_must_be_one_of_its_own_in_the_code_s_directory(refused, path, words):
    """B4: a chosen file lands at its path, relative to the code's directory."""
    entries = f"    files:\n      - name: a\n        path: models/a.pkl\n      - name: b\n        path: {path}\n"
    (line,), _ = refused(ENDPOINT + entries)
    assert line.startswith("9:15: ")
    assert words in line


def test_two_files_of_one_name_are_told(refused):
    entries = "    files:\n      - {name: a, path: a}\n      - {name: a, path: b}\n"
    assert refused(ENDPOINT + entries)[0] == ["7:16: two files are named `a`, the first on line 6"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "    shared-volumes:\n      - pvc-name: x\n        mount-path: cache\n",
            '7:21: Endpoint "plain" shared volume mount path "cache" must start with "/"',
        ),
        (
            "    workspace-volume:\n      mount-path: work\n      size: 1\n",
            '6:19: Endpoint "plain" workspace volume mount path "work" must start with "/"',
        ),
    ],
)
def test_the_platform_s_lint_reaches_the_user_with_its_place(refused, text, expected):
    """K4: lint errors are the platform's own words."""
    assert refused(ENDPOINT + text)[0] == [expected]


@pytest.mark.parametrize(
    "claim",
    ["/etc", "..", "../..", "a/b", "Models", "-a", "a-", "a..b", "a_b", "~", "a\\nb", "", "a" * 254, "modéles"],
)
def test_k4_a_claim_is_named_as_in_the_cluster(refused, claim):
    """It names a directory of this machine: no other may be meant."""
    volumes = f'    shared-volumes:\n      - pvc-name: "{claim}"\n        mount-path: /mnt\n'
    (told,) = refused(ENDPOINT + volumes)[0]
    assert told.startswith("6:19: `pvc-name` cannot be a claim's name: ")


@pytest.mark.parametrize("path", ["/", "/var/run/docker.sock", "..", "a/../../b", "a/..", "a\\0b"])
def test_k4_a_sub_path_does_not_leave_its_volume(refused, path):
    volumes = f'    shared-volumes:\n      - pvc-name: a.b-1\n        mount-path: /mnt\n        sub-path: "{path}"\n'
    (told,) = refused(ENDPOINT + volumes)[0]
    lint = f'8:19: Endpoint "plain" shared volume sub-path "{path}" must not start with "/"' if path[0] == "/" else ""
    assert told.startswith(lint or "8:19: `sub-path` leaves the volume: ")


def test_k4_what_cannot_be_mounted_beside_each_other_is_told(refused):
    shared = "    shared-volumes:\n      - {pvc-name: a, mount-path: /mnt}\n      - {pvc-name: b, mount-path: '/b:c'}\n"
    workspace = "    workspace-volume: {mount-path: /mnt/, size: 1}\n"
    assert refused(ENDPOINT + shared + workspace)[0] == [
        "7:35: `mount-path` cannot be mounted: '/b:c'",
        "8:36: two volumes are mounted at `/mnt/`, the first on line 6",
    ]


@pytest.mark.parametrize("path", ["", "a", "a/b", "..a", "a..", "a/..b/c", "./a"])
def test_k4_sub_paths_that_stay_in_their_volume_are_taken(load, path):
    volumes = f'    shared-volumes:\n      - pvc-name: a.b-1\n        mount-path: /mnt\n        sub-path: "{path}"\n'
    (endpoint,) = load(ENDPOINT + volumes).endpoints
    assert endpoint.shared_volumes[0].sub_path == path


def test_trouble_in_steps_is_a_warning(project, load):
    config = load("- step:\n    name: 3\n    4: x\n- step:\n    name: a\n    image: b\n" + ENDPOINT)
    assert [endpoint.name for endpoint in config.endpoints] == ["plain"]
    assert [(warning.text, warning.place.line) for warning in config.warnings] == [
        ("a key must be text; the platform would refuse this file", 3),
        ("`step` needs `command`; the platform would refuse this file", 4),
    ]


def test_valid_steps_are_ignored_without_complaint(load):
    assert load(FULL).warnings == ()


def test_an_item_that_the_platform_would_drop_is_told(load):
    (warning,) = load("- endpiont:\n    name: a\n" + ENDPOINT).warnings
    assert (warning.text, warning.hint) == (
        "`endpiont` is ignored: Valohai does not know this key",
        "did you mean `endpoint`?",
    )


def test_an_endpoint_without_a_dash_of_its_own_is_dropped_as_the_platform_does(load):
    step = (
        "- step:\n    name: a\n    image: b\n    command: c\n  endpoint:\n    name: lost\n    image: x\n    wsgi: a\n"
    )
    config = load(step + ENDPOINT)
    assert [endpoint.name for endpoint in config.endpoints] == ["plain"]
    (warning,) = config.warnings
    assert warning.text == "this `endpoint` is ignored: it is in the same list item as a `step`"
    assert warning.place.line == 5


KEYS = [
    "step",
    "task",
    "pipeline",
    "endpoint",
    "name",
    "image",
    "wsgi",
    "server-command",
    "port",
    "files",
    "path",
    "resources",
    "cpu",
    "memory",
    "min",
    "max",
    "devices",
    "ephemeral-storage",
    "shared-volumes",
    "pvc-name",
    "mount-path",
    "sub-path",
    "workspace-volume",
    "size",
    "tolerations",
    "node-selector",
]

endpoints = st.fixed_dictionaries(
    {"name": st.sampled_from(["ab", "cd"]), "image": st.just("x")},
    optional={
        "wsgi": st.sampled_from(["a", ""]),
        "server-command": st.sampled_from(["a", [], [""], ["a", "b"]]),
        "port": st.floats(),
        "files": st.lists(st.fixed_dictionaries({"name": st.sampled_from("ab"), "path": st.text(max_size=4)})),
        "resources": st.dictionaries(
            st.sampled_from(["cpu", "memory"]), st.dictionaries(st.sampled_from(["min", "max"]), st.floats())
        ),
        "shared-volumes": st.lists(
            st.fixed_dictionaries({"pvc-name": st.just("p"), "mount-path": st.sampled_from(["/a", "b"])})
        ),
        "workspace-volume": st.fixed_dictionaries({"mount-path": st.sampled_from(["/a", "b"]), "size": st.integers(1)}),
    },
)
configs = trees(KEYS) | st.lists(st.fixed_dictionaries({"endpoint": endpoints}) | trees(KEYS), max_size=3)


@given(configs)
def test_any_tree_as_valohai_yaml(data):
    config = answer(load_config, "valohai.yaml", yaml.safe_dump(data))
    assert config is None or all(endpoint.place("name").line for endpoint in config.endpoints)


@given(st.text("-: \n\t\r[]{}&*!|>'\"#%@`ab1,?<~\x00\ufeff\u2028"))
def test_any_text_as_valohai_yaml(text):
    answer(load_config, "valohai.yaml", text)
