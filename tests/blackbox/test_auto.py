"""Which model answers: goals of a route with a fake provider, and the draft check with the two default models."""

import pytest

import weir_server
from beyond import Beyond, backend, target
from talk import http_client

FAST, CAPABLE = "qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b"
PUBLIC = {"x-weir-label": "public"}


@pytest.fixture
def route(provider, tmp_path):
    """A server whose route 'clever' has an edge target and, behind it, one in the cloud."""
    running = []

    def start(goal):
        places = backend(provider, name="rack", tier="edge") + backend(provider)
        text = (places + target("near", "m1", backend="rack") + target("far", "m2") +
                f'[route.clever]\ntargets = ["near", "far"]\ngoal = {goal}\n')
        running.append(Beyond(tmp_path / f"weir{len(running)}", text))
        return running[-1]

    yield start
    for weir in running:
        weir.__exit__()


def served(weir, text):
    answer = weir.ask("clever", text, headers=PUBLIC)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-weir-target"]


def test_a_wanted_quality_sends_what_needs_it_to_the_cloud(route):
    assert served(route("{ quality_min = 0.0 }"), "What is 17 times 23?") == "near"
    weir = route("{ quality_min = 1.0 }")
    answer = weir.ask("clever", "What is 17 times 23?", headers=PUBLIC | {"x-weir-explain": "1"})
    assert answer.headers["x-weir-target"] == "far"
    assert any("cloud first" in line for line in answer.json()["weir"]["explanation"])


def test_a_label_above_the_ceiling_outweighs_every_goal(route):
    weir = route("{ quality_min = 1.0 }")
    answer = weir.ask("clever", "What is 17 times 23?", headers={"x-weir-label": "secret"})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "label_exceeds_ceiling"


def test_the_clouds_share_is_a_bound_at_every_moment(route):
    weir = route("{ cloud_share_max = 0.25 }")
    far = 0
    for number in range(1, 61):
        far += served(weir, f"Question {number * 7919}: how many primes are below {number}?" * (1 + number % 5)) == "far"
        assert far <= 0.25 * number
    assert far > 0


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    store = weir_server.model_store()
    missing = [name for name in (FAST, CAPABLE) if not (store / "manifests" / f"{name.replace(':', '/')}.json").exists()]
    if missing:
        pytest.skip(f"{missing[0]} is not in the model store")
    with weir_server.Weir(tmp_path_factory.mktemp("auto") / "weir", models=store) as weir, http_client(weir) as http:
        yield http


ORDERS = " ".join(f"Order {number}, placed on {1 + number % 28} May by {name} Berg (Graz), is for {number % 50} lamps at "
                  f"{number % 700}.50 euros in all." for number, name in
                  ((10417, "Ana"), (22381, "Boris"), (30952, "Carla"), (48273, "Dmitri"), (51029, "Elena"), (66310, "Farid")))


def asked(http, text, **more):
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 24} | more
    answer = http.post("/v1/chat/completions", json=body, headers={"x-weir-explain": "1"})
    assert answer.status_code == 200, answer.text
    return answer


def test_what_the_smaller_model_mostly_fails_goes_to_the_larger_one_at_once(both):
    weir = asked(both, f"{ORDERS}\n\nWho placed the order 48273? Answer with that alone.").json()["weir"]
    assert weir["target"] == CAPABLE and weir["confidence"] is None
    assert any(line.startswith(f"chosen: {CAPABLE}; of extraction tasks") for line in weir["explanation"])
    assert "Dmitri" not in str(weir)


def test_what_was_not_calibrated_is_not_checked_and_says_so(both):
    weir = asked(both, "Write a line about the sea.").json()["weir"]
    assert weir["confidence"] is None and weir["target"] == FAST
    assert any("not calibrated for general tasks" in line for line in weir["explanation"])
