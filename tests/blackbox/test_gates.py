"""Drafts of small models that are judged before they leave: the gates that are shipped, and those that a file adds."""

import json
import os
import signal
import subprocess

import pytest

import weir_server
from beyond import HTTP, Beyond
from own_store import place

SMALLEST, FAST, CAPABLE = "smollm2:135m", "qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b"
ORDERS = " ".join(f"Order {number}, placed on {1 + number % 28} May by {name} Berg (Graz), is for {number % 50} lamps at "
                  f"{number % 700}.50 euros in all." for number, name in
                  ((10417, "Ana"), (22381, "Boris"), (30952, "Carla"), (48273, "Dmitri")))
EXTRACTION = f"{ORDERS}\n\nWho placed the order 48273? Answer with that alone."
MATH = "Ana has 2 lamps and buys 3 more. How many has she?"


def manifest_of(name):
    path = weir_server.model_store() / "manifests" / f"{name.replace(':', '/')}.json"
    if not path.exists():
        pytest.skip(f"{name} is not in the model store")
    return json.loads(path.read_text())


def calibration(kind, right):
    """What the larger model makes of a draft does not matter: of such tasks all drafts are right, or none is."""
    draft_right, larger_right = (9_900, 9_900) if right else (100, 9_000)
    return {"draft_model": SMALLEST, "larger_model": FAST, "draft_sha256": manifest_of(SMALLEST)["model"]["sha256"],
            "larger_sha256": manifest_of(FAST)["model"]["sha256"], "kind": kind, "tasks": 50, "check_pays": True,
            "draft_right": draft_right, "larger_right": larger_right,
            "points": [{"likelihood_milli": at, "draft_right": draft_right, "larger_right": larger_right}
                       for at in (-90_000, 0)]}


@pytest.fixture(scope="module")
def weir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gates")
    (folder / "weir").mkdir()
    (folder / "weir" / "gates.json").write_text(json.dumps(
        {"version": 1, "pairs": [calibration("extraction", True), calibration("math", False)]}))
    manifest_of(CAPABLE)
    routes = (f'calibration = "gates.json"\n[route.shipped]\ntargets = ["{FAST}", "{CAPABLE}"]\nmin_confidence = 0.35\n'
              f'[route.mine]\ntargets = ["{SMALLEST}", "{FAST}"]\n')
    with Beyond(folder / "weir", routes, models=weir_server.model_store()) as running:
        yield running


def asked(weir, route, text, **more):
    answer = weir.ask(route, text, headers={"x-weir-explain": "1"}, temperature=0, max_tokens=12, **more)
    assert answer.status_code == 200, answer.text
    return answer


def told(answer):
    """The `weir` object, of a stream the one of its last event."""
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()["weir"]
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    return events[-1]["weir"]


def entries_of(weir, decision):
    rows = HTTP.get(f"{weir.url}/weir/v1/ledger?entries=100").json()["data"]
    return sorted((row for row in rows if row["decision"] == decision), key=lambda row: row["time"])


@pytest.mark.parametrize("stream, gate, name", [(False, "whole_draft", "end gate"), (True, "first_tokens", "first gate")])
def test_a_drafts_own_tokens_are_judged_by_the_gate_that_is_shipped(weir, stream, gate, name):
    answer = asked(weir, "shipped", EXTRACTION, stream=stream)
    object_, record = told(answer), weir.explain(answer)
    assert object_["gate"] == gate and object_["checked_by"] is None
    assert any(line.startswith(f"{name}: looks at logprob_q10") for line in object_["explanation"])
    assert object_["accepted"] == (object_["confidence"] >= 0.35)
    assert object_["target"] == (FAST if object_["accepted"] else CAPABLE)
    check = record["check"]
    assert check["gate"] == gate and check["draft_model"] == FAST and check["accepted"] == object_["accepted"]
    assert any(note.startswith(f"{name}: by logprob_q10 of") for note in record["notes"])
    draft = entries_of(weir, record["id"])[0]
    assert draft["target"] == FAST and draft["prompt_tokens"] > 100 and draft["completion_tokens"] > 0
    assert '"logprobs":{' not in answer.text, "nobody asked for them"


def test_a_larger_model_that_finds_a_draft_right_lets_it_pass(weir):
    answer = asked(weir, "mine", EXTRACTION)
    object_, record = told(answer), weir.explain(answer)
    assert (object_["gate"], object_["checked_by"], object_["target"]) == ("draft_check", FAST, SMALLEST)
    assert object_["accepted"] and object_["confidence"] == 0.99
    assert record["check"]["checker_model"] == FAST
    draft, check = sorted(entries_of(weir, record["id"]), key=lambda row: row["task"])
    assert (draft["task"], draft["target"], draft["status"]) == ("generate", SMALLEST, "served")
    assert (check["task"], check["target"], check["status"]) == ("score", FAST, "served")
    assert draft["completion_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert check["prompt_tokens"] > draft["completion_tokens"], "it read question and draft"


def test_a_draft_that_is_found_wrong_is_answered_again_and_all_three_are_booked(weir):
    answer = asked(weir, "mine", MATH)
    object_, record = told(answer), weir.explain(answer)
    assert (object_["gate"], object_["checked_by"], object_["target"]) == ("draft_check", FAST, FAST)
    assert object_["accepted"] is False and object_["confidence"] == 0.01
    assert [attempt["target"] for attempt in record["attempts"]] == [SMALLEST, FAST]
    booked = {(row["task"], row["target"]): row for row in entries_of(weir, record["id"])}
    assert set(booked) == {("generate", SMALLEST), ("score", FAST), ("generate", FAST)}
    assert booked["generate", SMALLEST]["completion_tokens"] > 0, "a draft that nobody saw was computed all the same"


def test_a_stream_is_not_held_back_for_a_larger_model_and_says_so(weir):
    object_ = told(asked(weir, "mine", EXTRACTION, stream=True))
    assert object_["target"] == SMALLEST and object_["confidence"] is None
    assert any("a stream is not held back" in line for line in object_["explanation"])


def test_a_reload_may_name_another_calibration_and_one_that_is_refused_changes_nothing(tmp_path):
    route = f'[route.mine]\ntargets = ["{SMALLEST}", "{FAST}"]\n'
    gates = tmp_path / "elsewhere" / "gates.json"
    gates.parent.mkdir()
    named = f'calibration = "{gates}"\n{route}'

    def said(weir):
        return told(asked(weir, "mine", MATH))["explanation"]

    def calibrate(right):
        gates.write_text(json.dumps({"version": 1, "pairs": [calibration("math", right)]}))

    with Beyond(tmp_path / "weir", route, models=weir_server.model_store()) as weir:
        assert any("is not calibrated for math tasks" in line for line in said(weir))
        calibrate(right=False)
        weir.reload(named)
        assert any(line.startswith(f"draft check: {FAST} reads the draft") for line in said(weir))
        gates.write_text("{")
        weir.process.send_signal(signal.SIGHUP)
        assert weir_server.until(lambda: "not reloaded: calibration: the file" in weir.log(), timeout_s=20)
        # Not what stands in the file meanwhile, for a gateway that is started again either.
        gateway = next(process for process in weir.processes()[1:] if process.name() == "weir-serve")
        os.kill(gateway.pid, signal.SIGKILL)
        assert weir_server.until(lambda: "the gateway answers again" in weir.log(), timeout_s=20)
        answer = asked(weir, "mine", MATH)
        assert (told(answer)["gate"], told(answer)["accepted"]) == ("draft_check", False)
        calibrate(right=True)
        weir.reload()
        assert told(asked(weir, "mine", MATH))["accepted"]


def test_a_gate_belongs_to_a_file_and_not_to_its_name(tmp_path):
    """A copy under another name has it; another file under the same name has not."""
    store = tmp_path / "models"
    (store / "blobs").mkdir(parents=True)

    def stored(name, source):
        manifest = manifest_of(source)
        blob = f"sha256-{manifest['model']['sha256']}"
        if not (store / "blobs" / blob).exists():
            place(weir_server.model_store() / "blobs" / blob, store / "blobs" / blob)
        path = store / "manifests" / f"{name.replace(':', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest | {"name": name}))

    stored(CAPABLE, CAPABLE)
    stored("copy:latest", FAST)
    stored(FAST, SMALLEST)
    config = tmp_path / "weir.toml"
    config.write_text("".join(f'[route.{route}]\ntargets = ["{draft}", "{CAPABLE}"]\n'
                              for route, draft in (("copied", "copy:latest"), ("replaced", FAST))))
    lines = "".join(json.dumps({"model": route, "messages": [{"role": "user", "content": EXTRACTION}]}) + "\n"
                    for route in ("copied", "replaced"))
    environment = weir_server.plain_environment(tmp_path) | {"WEIR_MODELS": str(store), "WEIR_DATA": str(tmp_path)}
    done = subprocess.run([weir_server.WEIR, "route", "simulate", "-", "--json", "--config", str(config)], input=lines,
                          capture_output=True, text=True, env=environment, timeout=60 * weir_server.PATIENCE)
    assert done.returncode == 0, done.stderr
    copied, replaced = map(json.loads, done.stdout.splitlines())
    assert copied["order"][0] == CAPABLE and any("of extraction tasks it has" in line for line in copied["explanation"])
    assert replaced["order"][0] == FAST
    assert any("is not calibrated for extraction tasks" in line for line in replaced["explanation"])


@pytest.mark.parametrize("text, named", [
    (None, "it cannot be read"), ("{", "is refused"), ('{"version": 2, "pairs": []}', "version"),
    (" " * (1 << 20) + "{}", "over 1048576 bytes"),
    ('{"version": 1, "pairs": [{"draft_model": "a", "larger_model": "b", "draft_sha256": "c"}]}', "pairs[0].draft_sha256"),
])
def test_a_calibration_that_is_not_right_is_named_before_anything_starts(tmp_path, text, named):
    config = tmp_path / "weir.toml"
    config.write_text('calibration = "gates.json"\n')
    if text is not None:
        (tmp_path / "gates.json").write_text(text)
    for words in (("policy", "check"), ("config", "check"), ("serve", "--listen", "127.0.0.1:0")):
        environment = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path)}
        done = subprocess.run([weir_server.WEIR, *words, "--config", str(config)], capture_output=True, text=True, input="",
                              env=environment, timeout=60 * weir_server.PATIENCE)
        assert done.returncode != 0 and "calibration: the file" in done.stderr and named in done.stderr, (words, done)
