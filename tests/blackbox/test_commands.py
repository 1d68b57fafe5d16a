"""The command line, as scripts use it: output, exit codes, one line of error."""

import json
import os
import subprocess

import pytest

import weir_server
from talk import SMALL, ask, error_of

COMMANDS = ["serve", "run", "pull", "rm", "cp", "create", "outdated", "update", "list",
            "show", "ps", "stop", "keys", "policy", "backend", "doctor", "version", "embed", "classify", "quantize"]


def one_error_line(done):
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("weir: ") and "; " in lines[0], done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(weir, command):
    done = weir(command, "--help")
    assert done.returncode == 0 and f"weir {command}" in done.stdout, done


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_every_command(weir, shell):
    words = weir("completion", shell).stdout.replace("'", " ").replace(";", " ").split()
    assert set(COMMANDS) | {"ingest", "search", "ledger", "label"} <= set(words)


def completed(weir, *words):
    """What bash offers for the last of the words."""
    script = weir("completion", "bash").stdout + f"""
        COMP_WORDS=(weir {" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words)}
        _weir; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_flags_and_what_stands_under_a_command(weir):
    assert {"--quality", "--types", "--svg", "--json"} <= set(completed(weir, "bench", "--"))
    assert completed(weir, "bench", "--ty") == ["--types"]
    assert {"explain", "replay", "simulate", "learn"} <= set(completed(weir, "route", ""))
    assert completed(weir, "keys", "cr") == ["create"]
    assert "--expires-in" in completed(weir, "keys", "create", "--exp")
    assert completed(weir, "qua") == ["quantize"]


def test_version_is_one_line(weir):
    done = weir("version")
    assert done.returncode == 0 and done.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments, named", [
    (("nonsense",), "nonsense"), (("lst",), "did you mean 'weir list'?"), (("run", "--nonsense"), "--nonsense"),
    (("keys", "create", "--nonsense"), "see weir keys create --help"), (("serve", "--listen", "nowhere"), "--listen"),
    (("serve", "--nonsense"), "--nonsense")])
def test_wrong_usage_is_exit_2_and_named(weir, arguments, named):
    done = weir(*arguments)
    assert done.returncode == 2
    one_error_line(done)
    assert named in done.stderr


def test_list_names_the_models(weir, http, small):
    assert SMALL in weir("list").stdout
    assert SMALL in [model["name"] for model in json.loads(weir("list", "--json").stdout)]


def test_show_tells_what_a_model_is(weir, http, small):
    shown = json.loads(weir("show", SMALL, "--json").stdout)
    text = json.dumps(shown)
    assert "llama" in text and "8192" in text and "Apache-2.0" in text


def test_show_of_an_unknown_model_is_exit_3(weir):
    done = weir("show", "no-such-model")
    assert done.returncode == 3
    one_error_line(done)


def test_ps_shows_what_is_loaded(weir, http, small):
    http.post("/v1/chat/completions", json=ask("Hi", max_tokens=1))
    assert SMALL in json.dumps(json.loads(weir("ps", "--json").stdout))


def test_ps_and_show_tell_how_a_model_runs(weir, http, small, tmp_path):
    http.post("/v1/chat/completions", json=ask("Hi", max_tokens=1))
    engines = json.loads(weir("ps", "--json").stdout)["data"]
    engine = next(engine for engine in engines if engine["model"] == SMALL)
    assert 1 <= engine["threads"] <= os.cpu_count() and engine["gpu_layers"] == 0
    shown = json.loads(weir("show", SMALL, "--json").stdout)["engine"]
    assert (shown["threads"], shown["gpu_layers"]) == (engine["threads"], engine["gpu_layers"])
    assert f"{engine['threads']} threads" in weir("show", SMALL).stdout
    assert json.loads(weir("show", SMALL, "--json", data=tmp_path).stdout)["engine"] is None


def test_ps_without_a_server_is_exit_5(weir, tmp_path):
    done = weir("ps", data=tmp_path)
    assert done.returncode == 5
    one_error_line(done)


def test_run_answers_in_a_pipe(weir, server, small):
    done = weir("run", SMALL, input="What is the capital of France? One word.")
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_run_takes_the_prompt_as_an_argument(weir, server, small):
    done = weir("run", SMALL, "What is the capital of France?", "--max-tokens", "16")
    assert done.returncode == 0 and done.stdout.strip()


def test_run_works_without_a_server(weir, tmp_path, small):
    done = weir("run", SMALL, "What is the capital of France?", "--max-tokens", "16", data=tmp_path / "fresh")
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


def test_run_of_an_unknown_model_is_exit_3(weir, server):
    done = weir("run", "no-such-model", "Hi")
    assert done.returncode == 3
    one_error_line(done)


def test_doctor_reports_the_sandbox(weir, server):
    done = weir("doctor", "--json")
    assert done.returncode in (0, 1)
    text = json.dumps(json.loads(done.stdout)).lower()
    assert "seccomp" in text and "landlock" in text


def test_doctor_keeps_its_columns_and_tells_of_engines(weir, serve, http, embedding):
    assert http.post("/v1/embeddings", json={"model": embedding, "input": "Hi"}).status_code == 200
    lines = weir("doctor").stdout.splitlines()
    assert any(f"sandbox of {embedding}  " in line for line in lines), lines
    idle = weir("doctor", data=serve().data).stdout
    assert "none runs" in idle and embedding not in idle


def test_a_typing_mistake_in_the_configuration_names_the_nearest_key(tmp_path):
    path = tmp_path / "weir.toml"
    path.write_text('lisen = ["127.0.0.1:0"]\n')
    done = subprocess.run([weir_server.WEIR, "serve", "--config", path, "--data", tmp_path / "data"],
                          capture_output=True, text=True, timeout=30, env=weir_server.plain_environment(tmp_path))
    assert done.returncode != 0
    assert "weir.toml:1" in done.stderr and "listen" in done.stderr


def test_classify_gives_a_probability_for_each_label(weir, server, small):
    done = weir("classify", "--model", SMALL, "--labels", "weather,sport", "--json", input="It rains in Paris.")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert "weather" in text and "sport" in text


def test_classify_takes_the_text_behind_the_labels(weir, server, small):
    done = weir("classify", "--model", SMALL, "--json", "--labels", "weather,sport", "It rains in Paris.")
    assert {row["label"] for row in json.loads(done.stdout)} == {"weather", "sport"}


def test_scores_of_continuations_follow_the_model(http, small):
    response = http.post("/weir/v1/score", json={
        "model": SMALL, "prompt": "The capital of France is", "continuations": [" Paris", " Berlin", " seven"]})
    assert response.status_code == 200, response.text
    scores = [item["logprob"] for item in response.json()["scores"]]
    assert scores[0] == max(scores) and all(score < 0 for score in scores)


@pytest.mark.parametrize("wrong, param", [
    ({"prompt": "Hi", "messages": []}, "prompt"), ({}, "prompt"), ({"messages": []}, "messages"), ({"prompt": ""}, "prompt")],
    ids=str)
def test_scores_take_exactly_one_prompt(http, small, wrong, param):
    error = error_of(http.post("/weir/v1/score", json={"model": SMALL, "continuations": [" a"]} | wrong), 400)
    assert error["param"] == param


def test_models_are_listed_with_their_dates(http, weir, small):
    listed = {model["id"]: model["created"] for model in http.get("/v1/models").json()["data"]}
    assert min(listed.values()) > 1_700_000_000 and "auto" in listed
    headers = {"anthropic-version": "2023-06-01"}
    for model in http.get("/v1/models", headers=headers).json()["data"]:
        assert not model["created_at"].startswith("1970")


def test_a_ready_engine_has_loaded_all(http, small):
    assert http.post("/v1/chat/completions", json=ask("Hi", max_tokens=1)).status_code == 200
    engine = next(e for e in http.get("/weir/v1/models").json()["data"] if e["model"].startswith(SMALL))
    assert engine["state"] == "ready" and engine["loading"] == 1
