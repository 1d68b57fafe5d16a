"""What a choice costs in time: expected seconds, deadlines, and conversations that stay where their prefix is."""

import contextlib
import json
import re
import sqlite3
import subprocess

import pytest

import weir_server
from beyond import Beyond, backend, target
from talk import http_client

PUBLIC = {"x-weir-label": "public"}


@pytest.fixture
def start(tmp_path, provider):
    running = []

    def begin(near="", far="", route="", folder=None):
        text = (backend(provider, name="rack", tier="edge") + backend(provider) + target("near", "m1", backend="rack") + near +
                target("far", "m2") + far + f'[route.clever]\ntargets = ["near", "far"]\n{route}')
        running.append(Beyond(folder or tmp_path / f"weir{len(running)}", text))
        return running[-1]

    yield begin
    for weir in running:
        weir.__exit__()


def explained(weir, decision):
    environment = weir_server.plain_environment(weir.data) | {"WEIR_DATA": str(weir.data), "FAKE_PROVIDER_KEY": "x"}
    done = subprocess.run([weir_server.WEIR, "route", "explain", decision, "--json", "--config", str(weir.config)],
                          capture_output=True, text=True, env=environment, timeout=60 * weir_server.PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_of(file):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute("SELECT target FROM pace").fetchall()


def test_who_is_expected_too_late_is_passed_over_and_the_record_says_what_was_expected(start):
    weir = start(near="prefill_tokens_per_s = 100\ndecode_tokens_per_s = 1\n",
                 far="prefill_tokens_per_s = 100000\ndecode_tokens_per_s = 1000\n")
    hurried = weir.ask("clever", "Hello there", headers=PUBLIC | {"x-weir-deadline-ms": "20000"})
    assert hurried.status_code == 200 and hurried.headers["x-weir-target"] == "far"
    shown = explained(weir, hurried.headers["x-weir-decision"])
    near, far = shown["considered"]
    assert near["failed"] == ["too_slow"] and near["expected_ms"] > 20000 and not far["failed"]
    assert any("too_slow, 256" in line for line in shown["explanation"])
    measured = weir.ask("clever", "Hello there", headers=PUBLIC)
    shown = explained(weir, measured.headers["x-weir-decision"])
    assert "speed" not in shown["considered"][0], "nobody has asked it yet"
    assert shown["considered"][1]["speed"]["answer_tokens"] == 7, "as the fake provider counts"


def test_what_was_measured_is_known_after_a_kill(start):
    weir = start()
    assert weir.ask("far", "Hello there", headers=PUBLIC).status_code == 200
    assert weir_server.until(lambda: rows_of(weir.data / "decisions.db") == [("far",)])
    weir.kill()
    again = start(folder=weir.data)
    first = again.ask("clever", "Hello there", headers=PUBLIC)
    near, far = explained(again, first.headers["x-weir-decision"])["considered"]
    assert far["speed"]["answer_tokens"] == 7 and "speed" not in near


def test_a_deadline_that_nobody_is_expected_to_hold_refuses_nobody(start):
    slow = "prefill_tokens_per_s = 100\ndecode_tokens_per_s = 1\n"
    weir = start(near=slow, far=slow)
    answer = weir.ask("clever", "Hello there", headers=PUBLIC | {"x-weir-deadline-ms": "20000", "x-weir-explain": "1"})
    assert answer.status_code == 200 and answer.headers["x-weir-target"] == "near"
    assert any("nobody is expected to answer within" in line for line in answer.json()["weir"]["explanation"])


def test_an_open_loop_of_tools_stays_with_who_began_it(start):
    weir = start(near="prefill_tokens_per_s = 100\ndecode_tokens_per_s = 1\n",
                 far="prefill_tokens_per_s = 100000\ndecode_tokens_per_s = 1000\n")
    question = [{"role": "user", "content": "How warm is it in Lima?"}]
    tools = [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object", "properties": {}}}}]

    def ask(messages, headers):
        return weir.ask("clever", messages=messages, tools=tools, headers=PUBLIC | {"x-weir-explain": "1"} | headers)

    began = ask(question, {"x-weir-deadline-ms": "20000"})
    assert began.status_code == 200 and began.headers["x-weir-target"] == "far", began.text
    call = {"id": "call_1", "type": "function", "function": {"name": "warmth", "arguments": "{}"}}
    loop = [{"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": "18"}]
    went_on = ask(question + loop, {})
    assert went_on.headers["x-weir-target"] == "far", went_on.text
    assert "chosen: far, an open loop of tools stays there" in went_on.json()["weir"]["explanation"]
    assert explained(weir, went_on.headers["x-weir-decision"])["prompt"]["last_target"] == "far"
    other = ask([{"role": "user", "content": "Another"}] + loop, {})
    assert other.headers["x-weir-target"] == "near", "nobody knows who began it"


def test_the_energy_of_an_answer_is_part_of_the_choice_and_known_after_a_kill(tmp_path, stories):
    (tmp_path / "weir.toml").write_text(
        f'[engine]\nwatts = 100\nenergy_price = {{ per_kwh = 360, currency = "EUR" }}\n[model.small]\nfile = "{stories}"\n'
        '[route.clever]\ntargets = ["small"]\n')

    def begin():
        return weir_server.Weir(tmp_path, "--config", str(tmp_path / "weir.toml"), models=tmp_path / "none")

    def ask(weir):
        with http_client(weir) as http:
            answer = http.post("/v1/completions", headers={"x-weir-explain": "1"},
                               json={"model": "clever", "prompt": "Once upon a time " * 4, "max_tokens": 64, "temperature": 0})
            assert answer.status_code == 200, answer.text
            lines = answer.json()["weir"]["explanation"]
            return next(line for line in lines if line.startswith("small: eligible"))

    weir = begin()
    try:
        assert "J" not in ask(weir), "nothing is known of its speed"
        assert re.fullmatch(r"small: eligible \(device, \d+\.\d s, \d+ J, \d\.\d{6} EUR expected\)", ask(weir))
        assert weir_server.until(lambda: rows_of(tmp_path / "decisions.db") == [("small",)])
        weir.kill()
        weir = begin()
        assert " EUR expected)" in ask(weir), "the model is not loaded, but how fast it was is known"
    finally:
        weir.__exit__()
