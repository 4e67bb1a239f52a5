import pytest

from vhlocal.errors import InputError
from vhlocal.model import Endpoint, Strategy
from vhlocal.project.selection import (
    override_images,
    read_loaders,
    read_replicas,
    read_rules,
    read_strategies,
    read_streaming,
    select_endpoints,
)
from vhlocal.scaling.hpa import Hpa
from vhlocal.scaling.knative import Knative
from vhlocal.scaling.look import Range

ENDPOINTS = tuple(Endpoint(name, "python:3.11", 8000, wsgi="a") for name in ("digits", "faces", "plain"))


def names(endpoints):
    return [endpoint.name for endpoint in endpoints]


def test_all_are_selected_unless_some_are_named():
    assert names(select_endpoints(ENDPOINTS, ())) == ["digits", "faces", "plain"]
    assert names(select_endpoints(ENDPOINTS, ("plain", "digits", "plain"))) == ["digits", "plain"]


def test_another_image_is_used_for_the_named_endpoint():
    """B1: built on `image`, or on the one given in its place."""
    images = [endpoint.image for endpoint in override_images(ENDPOINTS, {"faces": "mine"})]
    assert images == ["python:3.11", "mine", "python:3.11"]


def test_an_unknown_endpoint_is_told_with_the_nearest():
    for wrong in (lambda: select_endpoints(ENDPOINTS, ["digist"]), lambda: override_images(ENDPOINTS, {"digist": "x"})):
        with pytest.raises(InputError, match=r"valohai\.yaml has no endpoint `digist`") as caught:
            wrong()
        assert caught.value.hint == "did you mean `digits`?"
    with pytest.raises(InputError) as caught:
        select_endpoints(ENDPOINTS, ["zzz"])
    assert caught.value.hint == "choose from: digits, faces, plain"


def test_a_strategy_is_one_of_three_for_an_endpoint_that_is_there():
    assert read_strategies({"digits": "fork", "plain": "replace"}, ENDPOINTS) == {
        "digits": Strategy.FORK,
        "plain": Strategy.REPLACE,
    }
    with pytest.raises(InputError, match='cannot be reloaded by "forc"') as caught:
        read_strategies({"digits": "forc"}, ENDPOINTS)
    assert caught.value.hint == "did you mean `fork`?"
    with pytest.raises(InputError) as caught:
        read_strategies({"digits": "xyz"}, ENDPOINTS)
    assert caught.value.hint == "choose from: fork, replace, restart"
    with pytest.raises(InputError, match="no endpoint `digist`"):
        read_strategies({"digist": "fork"}, ENDPOINTS)


def test_k9_bodies_stream_to_endpoints_that_ask_for_it_in_the_ingress_words_or_ours():
    """K9"""
    chosen = {"digits": "false", "faces": "Off", "plain": "true"}
    assert read_streaming(chosen, ENDPOINTS) == {"digits", "faces"}
    assert read_streaming({"digits": "on"}, ENDPOINTS) == frozenset()
    with pytest.raises(InputError, match='`request-buffering` of `digits` is "no"') as caught:
        read_streaming({"digits": "no"}, ENDPOINTS)
    assert "true, or false" in (caught.value.hint or "")
    with pytest.raises(InputError, match="no endpoint `digist`"):
        read_streaming({"digist": "false"}, ENDPOINTS)


@pytest.mark.parametrize("text", ["model", "model:", ":load", "model:load()", "a b:c", "model.py:load_model:x"])
def test_what_is_kept_warm_is_a_function_of_a_module(text):
    assert read_loaders(["package.model:load_model"]) == ("package.model:load_model",)
    with pytest.raises(InputError, match="MODULE:FUNCTION"):
        read_loaders([text])


@pytest.mark.parametrize(("text", "within"), [("1", Range(1, 1)), ("3", Range(3, 3)), ("1-4", Range(1, 4))])
def test_k3_replicas_are_a_number_or_a_range(text, within):
    assert read_replicas({"digits": text}, ENDPOINTS) == {"digits": within}


@pytest.mark.parametrize("text", ["0", "0-2", "", "x", "-1", "1-", "1-2-3", "33", "1.5", "٣"])
def test_k3_what_is_no_number_of_replicas_is_told(text):
    with pytest.raises(InputError, match="cannot have") as caught:
        read_replicas({"digits": text}, ENDPOINTS)
    assert "digits=2" in str(caught.value.hint)


def test_k3_a_range_upside_down_and_an_unknown_endpoint_are_told():
    with pytest.raises(InputError, match="reversed"):
        read_replicas({"digits": "4-1"}, ENDPOINTS)
    with pytest.raises(InputError, match="no endpoint `digist`"):
        read_replicas({"digist": "2"}, ENDPOINTS)


def test_k3_a_rule_has_its_published_defaults_and_the_settings_that_are_given():
    assert read_rules({"digits": "knative"}, ENDPOINTS) == {"digits": Knative()}
    rules = read_rules({"digits": "knative target=2 panic-window=0.5"}, ENDPOINTS)
    assert rules == {"digits": Knative(target=2, panic_window=0.5)}
    assert read_rules({"digits": "hpa target=3 down-window=20"}, ENDPOINTS) == {
        "digits": Hpa(target=3, cpu=False, down_window=20)
    }


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("keda", 'cannot be scaled by "keda"', "knative, hpa"),
        ("knative target", '"target" of `digits` is not a setting', "target=2"),
        ("knative targt=2", "has no setting `targt`", "`target`"),
        ("knative target=0", "target cannot be 0", "above zero"),
    ],
)
def test_k3_what_is_wrong_with_a_rule_is_told(text, message, hint):
    with pytest.raises(InputError, match=message) as caught:
        read_rules({"digits": text}, ENDPOINTS)
    assert hint in str(caught.value.hint)
