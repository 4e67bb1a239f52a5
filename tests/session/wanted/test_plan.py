"""Plans are compared as text: what would be done, and why."""

from tests.served import at
from vhlocal.contract import image
from vhlocal.contract.image import requirements_install
from vhlocal.runtime.base import Layer, PresentImage, PresentServer
from vhlocal.session.wanted.plan import Environment, Make, plan

BASE = "python:3.11-slim"
REQUIREMENTS = Layer("vhlocal/requirements:1", BASE, "requirements.txt", requirements_install("requirements.txt"))
GUNICORN = Layer("vhlocal/gunicorn:1", REQUIREMENTS.tag, "Gunicorn", image.GUNICORN)
WSGI = Environment(at("digits"), BASE, (REQUIREMENTS, GUNICORN))
COMMAND = Environment(at("plain"), BASE, (REQUIREMENTS,))
ALL_THERE = {
    BASE: PresentImage("base-id"),
    REQUIREMENTS.tag: PresentImage("requirements-id", "base-id"),
    GUNICORN.tag: PresentImage("gunicorn-id", "requirements-id"),
}


def without(*names):
    return {name: image for name, image in ALL_THERE.items() if name not in names}


def test_nothing_is_done_when_all_is_there():
    assert str(plan([WSGI, COMMAND], ALL_THERE)) == ""


def test_on_an_empty_engine_all_is_made_once_and_in_order():
    assert str(plan([WSGI, COMMAND], {})).splitlines() == [
        f"pull {BASE} (not on this machine yet)",
        f"make requirements.txt on {BASE} (first build)",
        f"make Gunicorn on {REQUIREMENTS.tag} (first build)",
    ]


def test_endpoints_with_equal_inputs_share_a_step():
    steps = plan([WSGI, COMMAND], {}).images
    assert [step.endpoints for step in steps] == [
        (at("digits"), at("plain")),
        (at("digits"), at("plain")),
        (at("digits"),),
    ]


def test_each_layer_needs_the_one_below_it_only_where_that_is_made_too():
    needs = {step.key: step.needs for step in plan([WSGI], {}).images if isinstance(step, Make)}
    assert needs == {REQUIREMENTS.tag: BASE, GUNICORN.tag: REQUIREMENTS.tag}
    (only,) = plan([WSGI], without(GUNICORN.tag)).images
    assert isinstance(only, Make)
    assert only.needs is None


def test_a_new_base_image_makes_everything_on_it_anew():
    images = {**ALL_THERE, BASE: PresentImage("other-id")}
    assert str(plan([WSGI], images)).splitlines() == [
        f"make requirements.txt on {BASE} ({BASE} has changed)",
        f"make Gunicorn on {REQUIREMENTS.tag} ({REQUIREMENTS.tag} is rebuilt)",
    ]


def test_a_base_image_that_is_gone_is_not_needed_while_its_layers_are_there():
    assert str(plan([WSGI], without(BASE))) == ""
    assert str(plan([WSGI], without(BASE, GUNICORN.tag))).splitlines() == [
        f"make Gunicorn on {REQUIREMENTS.tag} (first build)"
    ]


def test_an_endpoint_without_layers_needs_its_base_image():
    bare = Environment(at("bare"), "node:22-slim", ())
    assert bare.image == "node:22-slim"
    assert str(plan([bare], {})) == "pull node:22-slim (not on this machine yet)"


def test_what_a_killed_run_left_is_removed():
    left = [PresentServer("c1", "digits", "old", True), PresentServer("c2", "", "old", False)]
    assert str(plan([WSGI], ALL_THERE, left)).splitlines() == [
        "remove digits (left by a run that was killed)",
        "remove a build (left by a run that was killed)",
    ]
