"""The commands about places beyond this machine: weir backend, weir policy, and what weir doctor says of them."""

import http.server
import json
import os
import pty
import subprocess
import threading
import tomllib

import pytest

import weir_server
from beyond import KEY, Beyond, backend, target
from fake_provider import Answer

PUBLIC = {"x-weir-label": "public"}
LEAK = '[[rule]]\nwhen = { label = "secret" }\nuse = ["big"]\n'


@pytest.fixture
def config(tmp_path):
    return tmp_path / "weir.toml"


@pytest.fixture
def command(tmp_path, config):
    """command(*words): weir with this configuration and a data folder that nobody serves."""

    def run(*words, data=None):
        environment = weir_server.plain_environment(tmp_path) | {"WEIR_MODELS": str(tmp_path / "no-models")}
        return subprocess.run([weir_server.WEIR, *words, "--config", config, "--data", data or tmp_path / "data"],
                              capture_output=True, text=True, env=environment, input="",
                              timeout=60 * weir_server.PATIENCE)

    return run


def one_line(done, code):
    lines = done.stderr.strip().splitlines()
    assert done.returncode == code and len(lines) == 1 and lines[0].startswith("weir: "), done
    return lines[0]


def test_backend_add_writes_a_valid_block_and_never_a_key(command, config):
    done = command("backend", "add", "openai", "--ceiling", "public")
    assert done.returncode == 0, done.stderr
    block = tomllib.loads(config.read_text())["backend"][0]
    block.pop("region", None)
    assert block == {"name": "openai", "kind": "openai", "tier": "cloud", "url": "https://api.openai.com/v1",
                     "ceiling": "public", "preset": "openai", "key_env": "OPENAI_API_KEY"}
    assert command("backend", "add", "vllm", "--name", "rack", "--url", "http://10.0.0.2:8000/v1", "--ceiling",
                   "secret").returncode == 0
    listed = json.loads(command("backend", "list", "--json").stdout)
    assert {"openai", "rack"} <= {place["name"] for place in listed}
    assert [place["ceiling"] for place in listed if place["name"] == "rack"] == ["secret"]


def test_every_preset_makes_a_configuration_that_loads(command, config):
    names = one_line(command("backend", "add", "no-such-server", "--ceiling", "public"), 3).split("one of ")[1].split(", ")
    assert {"openai", "anthropic", "google", "groq", "cerebras", "openrouter", "mistral", "deepseek", "together", "azure",
            "vllm", "llama-server", "lmstudio", "ollama"} <= set(names)
    for name in names:
        url = ["--url", "https://mine.openai.azure.com"] if name.startswith("azure") else []
        done = command("backend", "add", name, "--ceiling", "internal", *url)
        assert done.returncode == 0, done.stderr
    urls = {place["name"]: place["url"] for place in tomllib.loads(config.read_text())["backend"]}
    assert len(urls) == len(names)
    assert urls["azure"] == "https://mine.openai.azure.com/openai/v1"
    assert urls["azure-deployments"] == "https://mine.openai.azure.com"


@pytest.mark.parametrize(("url", "written"), [("http://10.0.0.2:8000", "http://10.0.0.2:8000/v1"),
                                              ("http://10.0.0.2:8000/", "http://10.0.0.2:8000/v1"),
                                              ("http://10.0.0.2:8000/llm/v1", "http://10.0.0.2:8000/llm/v1")])
def test_an_address_without_a_path_gets_that_of_the_known_server(command, config, url, written):
    assert command("backend", "add", "vllm", "--url", url, "--ceiling", "secret").returncode == 0
    assert tomllib.loads(config.read_text())["backend"][0]["url"] == written


@pytest.mark.parametrize("words", [(), ("--ceiling", "everything")])
def test_nobody_but_the_operator_says_the_ceiling(command, config, words):
    assert "ceiling" in one_line(command("backend", "add", "openai", *words), 2)
    assert not config.exists()


def test_a_block_that_would_be_wrong_leaves_the_file_as_it_was(command, config):
    assert command("backend", "add", "openai", "--ceiling", "public").returncode == 0
    config.chmod(0o640)
    before = config.read_text()
    done = command("backend", "add", "openai", "--ceiling", "public")  # the name is taken
    assert done.returncode == 1 and "openai" in done.stderr
    assert command("backend", "add", "groq", "--ceiling", "public", "--url", "http://example.com").returncode == 1
    assert command("backend", "add", "groq", "--ceiling", "public", "--key-env", "gsk_a1b2-c3").returncode == 1
    assert config.read_text() == before
    assert [file.name for file in config.parent.glob("weir.toml*")] == ["weir.toml"]
    assert command("backend", "add", "groq", "--ceiling", "public").returncode == 0
    assert config.stat().st_mode & 0o777 == 0o640


def test_backend_add_refuses_what_the_server_would_refuse(command, config):
    config.write_text('[[rule]]\nwhen = { label = "secret" }\nuse = ["openai/gpt"]\n')
    before = config.read_text()
    done = command("backend", "add", "openai", "--ceiling", "public")
    assert "label secret -> rule in line 1 -> target openai/gpt" in one_line(done, 4)
    assert f"{config}:1" in done.stderr and config.read_text() == before
    assert command("backend", "add", "openai", "--ceiling", "secret").returncode == 0


def test_backend_add_mends_a_file_that_named_the_backend_before(command, config):
    config.write_text('[[target]]\nname = "big"\nbackend = "openai"\nmodel = "gpt"\n')
    assert command("config", "check").returncode != 0
    assert command("backend", "add", "openai", "--ceiling", "public").returncode == 0
    assert command("config", "check").returncode == 0


def test_backend_add_takes_values_as_they_are_and_one_place_of_the_key(command, config):
    url = 'http://10.0.0.2:8000/v1" # '
    done = command("backend", "add", "vllm", "--ceiling", "public", "--url", url)
    assert done.returncode == 1 and "backend.url" in done.stderr and ".new" not in done.stderr
    assert "excludes" in command("backend", "add", "openai", "--ceiling", "public", "--key-env", "A_KEY", "--key-file",
                                 "a.key").stderr
    assert not config.exists()


def test_a_mistyped_ceiling_is_asked_for_again(config, tmp_path):
    ours, theirs = pty.openpty()
    os.write(ours, b"pubic\ninternal\n")
    done = subprocess.run([weir_server.WEIR, "backend", "add", "openai", "--config", config], stdin=theirs,
                          capture_output=True, text=True, env=weir_server.plain_environment(tmp_path),
                          timeout=60 * weir_server.PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0 and "'pubic' is none of these" in done.stdout
    assert tomllib.loads(config.read_text())["backend"][0]["ceiling"] == "internal"


def test_config_check_names_files_of_keys_and_certificates_that_are_not_there(command, config, provider, tmp_path):
    config.write_text(backend(provider, more='key_file = "no.key"').replace('key_env = "FAKE_PROVIDER_KEY"', ""))
    assert f"backend.key_file names {tmp_path}/no.key, which cannot be read" in one_line(command("config", "check"), 1)
    (tmp_path / "no.key").write_text("sk-1\n")
    assert command("config", "check").returncode == 0


def test_policy_check_names_the_path_of_a_leak(command, config, provider):
    config.write_text(backend(provider) + target("big"))
    done = command("policy", "check")
    assert done.returncode == 0 and done.stdout.startswith("good: "), done
    config.write_text(backend(provider) + target("big") + LEAK)
    line = one_line(command("policy", "check"), 4)
    assert "label secret -> rule in line" in line and "target big" in line and "ceiling internal" in line
    shown = json.loads(command("policy", "check", "--json").stdout)
    assert shown["good"] is False and len(shown["problems"]) == 1


def test_names_that_stand_for_nothing_are_told_and_stop_nothing(command, config, provider):
    rules = ('[route.auto]\ntargets = ["fast", "bgi"]\n'
             '[[rule]]\nwhen = { model = "atuo" }\nregions = ["mars"]\n')
    config.write_text(backend(provider) + target("big") + rules)
    for check in (("config", "check"), ("policy", "check")):
        done = command(*check)
        assert done.returncode == 0 and "good" in done.stdout, done
        told = done.stderr.splitlines()
        assert len(told) == 3, told
        assert "route.auto.targets 'bgi' is no target" in told[0] and told[0].endswith("did you mean 'big'?")
        assert "rule.regions 'mars' is the region of no backend" in told[1]
        assert "rule.when.model 'atuo' fits no model" in told[2] and told[2].endswith("did you mean 'auto'?")
    config.write_text(config.read_text().replace('"bgi"', '"auto"'))
    assert "leads back to where it came from: auto -> auto" in one_line(command("config", "check"), 2)


def test_what_routes_are_judged_by_is_there(tmp_path):
    def run(*words):
        environment = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path / "none")}
        return subprocess.run([weir_server.WEIR, *words], capture_output=True, text=True, env=environment, input="",
                              timeout=60 * weir_server.PATIENCE)

    assert "is a folder" in one_line(run("route", "simulate", str(tmp_path)), 1)
    for looking_back in (("route", "replay"), ("ledger",)):
        assert "--since takes a duration" in one_line(run(*looking_back, "--since", "foo"), 2)
    assert "no server has kept a ledger" in one_line(run("ledger"), 3)


def test_policy_show_says_what_may_go_where(command, config, provider):
    config.write_text(backend(provider, more='region = "us"') + target("big") + '[route.clever]\ntargets = ["big"]\n')
    shown = json.loads(command("policy", "show", "--json").stdout)
    assert shown["targets"] == [{"name": "big", "backend": "cloud", "tier": "cloud", "ceiling": "internal", "region": "us"}]
    assert shown["routes"] == [{"name": "clever", "targets": ["big"]}] and shown["default_label"] == "internal"
    assert "route clever: big" in command("policy", "show").stdout


def test_policy_prove_shows_what_each_label_may_reach_and_names_a_counterexample(command, config, provider):
    config.write_text(backend(provider) + target("big") + '[route.clever]\ntargets = ["big"]\n')
    done = command("policy", "prove")
    assert done.returncode == 0 and "proved: no label reaches a target above its ceiling (5 labels, 1 targets, 0 rules" in done.stdout
    assert any(line.split() == ["secret", "-", "big", "(ceiling", "internal)"] for line in done.stdout.splitlines()), done.stdout
    shown = json.loads(command("policy", "prove", "--json").stdout)
    assert shown["proved"] and shown["complete"] and shown["counterexamples"] == []
    assert [line["label"] for line in shown["labels"] if line["reaches"]] == ["public", "internal"]
    assert shown["labels"][0]["reaches"][0]["way"] == "model big -> target big"
    config.write_text(config.read_text() + '[[rule]]\nwhen = { label = "secret" }\nuse = ["clever"]\n')
    line = one_line(command("policy", "prove"), 4)
    assert "counterexample: label secret -> rule in line" in line and "ceiling internal" in line


def test_policy_prove_says_what_a_rule_with_regions_may_reach(command, config, provider):
    config.write_text(backend(provider, more='region = "us"') + backend(provider, name="near", more='region = "eu"')
                      + target("big") + target("european", backend="near") + target("close", backend="cloud")
                      + '[[rule]]\nwhen = { tenant = "eu-*" }\nregions = ["eu"]\n[route.any]\ntargets = ["big", "european"]\n')
    done = command("policy", "prove")
    assert done.returncode == 0, done
    assert "proved: no request that a rule keeps in regions reaches a target elsewhere (1 rule)" in done.stdout
    shown = json.loads(command("policy", "prove", "--json").stdout)["regions"][0]
    assert shown["regions"] == ["eu"] and shown["reaches"] == [
        {"target": "european", "ceiling": "internal", "region": "eu", "way": "model any -> target european"}]
    assert {one["target"]: one["region"] for one in shown["never"]} == {"big": "us", "close": "us"}


def test_a_setting_that_has_no_effect_is_named(command, config, provider, tmp_path):
    name = 'model."smollm2:135m".gpu_layers'
    config.write_text(backend(provider) + target("big") + '[model."smollm2:135m"]\ngpu_layers = 3\n')
    for words in (("policy", "check"), ("config", "check")):
        done = command(*words)
        assert done.returncode == 0 and f"{name} has no effect" in done.stderr, done
    assert any(name in found["found"] for found in json.loads(command("doctor", "--json").stdout))
    with Beyond(tmp_path / "weir", config.read_text()) as weir:
        assert f"{name} has no effect" in weir.log()


def test_probe_lists_the_models_of_a_backend(command, config, provider, tmp_path):
    config.write_text("")
    with Beyond(tmp_path / "weir", backend(provider)) as weir:
        done = command("backend", "probe", "cloud", data=weir.data)
        assert done.returncode == 0 and "fake-large" in done.stdout and "unknown" in done.stdout, done
        models = json.loads(command("backend", "probe", "cloud", "--json", data=weir.data).stdout)["models"]
        assert [(model["name"], model["context"], model["json_schema"]) for model in models] == [
            ("fake-large", 8192, None), ("fake-small", 8192, None)]
        one_line(command("backend", "probe", "elsewhere", data=weir.data), 3)
    one_line(command("backend", "probe", "cloud"), 5)


class Lister(http.server.BaseHTTPRequestHandler):
    """A server that lists these models, and answers POST /api/show for them."""

    openai = [{"id": "evil\x1b]0;owned\x07\nname", "meta": {"n_ctx": 4096, "n_ctx_train": 131072},
               "supported_parameters": ["structured_outputs"]}]

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        tags = {"models": [{"name": "seer:1b"}, {"name": "plain:1b"}]}
        self.answer(tags if self.path == "/api/tags" else {"data": self.openai})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/api/show"
        seer = {"capabilities": ["completion", "vision"],
                "model_info": {"general.architecture": "llama", "llama.context_length": 8192}}
        self.answer(seer if asked["model"] == "seer:1b" else {})

    def log_message(self, *_):
        pass


@pytest.fixture
def lister():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lister)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_probe_says_what_a_server_tells_and_shows_no_name_raw(command, config, lister, tmp_path):
    config.write_text("")
    places = "".join(f'[[backend]]\nname = "{name}"\nkind = "{kind}"\ntier = "edge"\nurl = "{lister}{path}"\n'
                     for name, kind, path in (("rack", "openai", "/v1"), ("llama", "ollama", "")))
    with Beyond(tmp_path / "weir", places) as weir:
        shown = command("backend", "probe", "rack", data=weir.data).stdout
        assert not {"\x1b", "\x07"} & set(shown) and "evil?]0;owned? name" in shown, shown
        assert shown.splitlines()[1].split()[-5:] == ["4096", "unknown", "no", "yes", "unknown"]
        models = json.loads(command("backend", "probe", "llama", "--json", data=weir.data).stdout)["models"]
        assert [(model["name"], model["context"], model["vision"], model["tools"]) for model in models] == [
            ("seer:1b", 8192, True, False), ("plain:1b", None, None, None)]
        assert "no backend '../keys'" in one_line(command("backend", "probe", "../keys", data=weir.data), 3)


def findings(command, **settings):
    return {each["what"]: each for each in json.loads(command("doctor", "--json", **settings).stdout)}


def test_doctor_looks_at_the_files_of_keys_and_at_the_policy(command, config, provider, tmp_path):
    key = tmp_path / "provider.key"
    place = backend(provider).replace('key_env = "FAKE_PROVIDER_KEY"', f'key_file = "{key}"')
    config.write_text(place + target("big"))
    assert findings(command)["key of cloud"]["state"] == "BAD"
    key.write_text(KEY)
    key.chmod(0o644)
    assert "chmod 600" in findings(command)["key of cloud"]["advice"]
    key.chmod(0o600)
    found = findings(command)
    assert found["key of cloud"]["state"] == "ok" and found["policy"]["state"] == "ok"
    assert KEY not in json.dumps(found)
    config.write_text(place + target("big") + LEAK)
    assert "label secret -> rule in line" in findings(command)["policy"]["found"]


def test_doctor_says_which_model_is_retired_and_which_key_is_missing(command, config, provider, tmp_path):
    keyless = backend(provider, name="other").replace("FAKE_PROVIDER_KEY", "NOBODY_SET_THIS")
    with Beyond(tmp_path / "weir", backend(provider, more="retries = 0") + keyless + target("old")) as weir:
        config.write_text(weir.config.read_text())
        provider.fail("old", "404")
        assert weir.ask("old", headers=PUBLIC).status_code == 502
        found = findings(command, data=weir.data)
        assert found["target old"]["state"] == "BAD" and "no such model" in found["target old"]["found"]
        assert found["key of other"]["state"] == "BAD"
        assert found["the door"]["state"] == "ok" and "seccomp" in found["the door"]["found"]
        assert "seccomp" in found["sandbox of the gateway"]["found"]
    provider.forget()


def test_a_model_whose_end_is_announced_is_noted_and_goes_on_answering(command, config, provider, tmp_path):
    last_days = (("Deprecation", "@1688169599"), ("Sunset", "Sun, 30 Jun 2030 23:59:59 GMT"))
    with Beyond(tmp_path / "weir", backend(provider) + target("old")) as weir:
        config.write_text(weir.config.read_text())
        provider.say("old", Answer(headers=last_days), times=1)
        assert weir.ask("old", headers=PUBLIC).status_code == 200
        found = findings(command, data=weir.data)["target old"]
        assert found["state"] == "note" and "from 2023-06-30, gone from 2030-06-30" in found["found"], found
        assert 'weir_target_deprecated{target="old"} 1' in weir.get("/metrics").text
        assert 'weir_target_sunset_seconds{target="old"} 1909094399' in weir.get("/metrics").text
        assert weir.ask("old", headers=PUBLIC).status_code == 200
        assert "target old" not in findings(command, data=weir.data), "it is no longer announced"
    provider.forget()


def test_a_missing_path_is_no_retired_model(command, config, provider, tmp_path):
    place = backend(provider, more="retries = 0")
    elsewhere = place.replace(provider.url(), provider.url().replace("/v1", "/nowhere"))
    with Beyond(tmp_path / "weir", elsewhere + target("big")) as weir:
        config.write_text(weir.config.read_text())
        answer = weir.ask("big", headers=PUBLIC)
        assert answer.status_code == 502 and "path of the backend's url" in answer.json()["error"]["message"]
        found = findings(command, data=weir.data)["target big"]
        assert found["state"] == "BAD" and "/v1" in found["advice"]
        assert "no list of models at /models" in one_line(command("backend", "probe", "cloud", data=weir.data), 1)
        weir.reload(place + target("big"))
        assert weir.ask("big", headers=PUBLIC).status_code == 200
        provider.fail("big", "404", times=1)
        assert "path" not in weir.ask("big", headers=PUBLIC).json()["error"]["message"], "the path was right before"
    provider.forget()
