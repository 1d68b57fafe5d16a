"""Servers that Weir runs itself for a backend (`command`): all that can become of them, through the real program."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

import weir_server
from beyond import ended_well, target, text_of
from talk import openai_client

PROGRAM = weir_server.ROOT / "tests" / "edge_server.py"
QUICK = 'health_timeout = "2s"\nconnect_timeout = "500ms"'


class Edge:
    """One server's port, its folder, and what can be seen of it."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def backend(self, *words, name="rack", more=QUICK, program=sys.executable):
        command = json.dumps([str(program), str(PROGRAM), str(self.port), str(self.folder), *words])
        return (f'[[backend]]\nname = "{name}"\nkind = "openai"\ntier = "edge"\n'
                f'url = "http://127.0.0.1:{self.port}/v1"\ncommand = {command}\n{more}\n')

    def tell(self, name):
        (self.folder / name).write_text("")

    def untell(self, name):
        (self.folder / name).unlink()

    def starts(self):
        path = self.folder / "starts"
        return [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []

    def worker(self):
        return weir_server.Process(int((self.folder / "worker").read_text()))


@pytest.fixture
def edge(tmp_path):
    return Edge(tmp_path / "edge")


def server_of(weir, name="rack"):
    for server in weir.get("/weir/v1/backends").json()["servers"]:
        if server["backend"] == name:
            return server
    return None


def until_state(weir, state, **more):
    def reached():
        server = server_of(weir)
        return server and server["state"] == state and all(server[k] == v for k, v in more.items())
    assert weir_server.until(reached, timeout_s=30), (server_of(weir), weir.log()[-3000:])
    return server_of(weir)


def weir_command(weir, *words):
    return subprocess.run([str(weir_server.WEIR), *words, "--data", str(weir.data), "--config", str(weir.config)],
                          env=weir.environment, capture_output=True, text=True, timeout=60 * weir_server.PATIENCE)


def test_ps_shows_the_servers_that_run_for_backends(edge, beyond):
    weir = beyond(edge.backend("one"), target("t", "edge-model", backend="rack"))
    pid = until_state(weir, "up")["pid"]
    shown = weir_command(weir, "ps")
    assert shown.returncode == 0, shown.stderr
    assert ["rack", "up", str(pid), "0"] in [line.split() for line in shown.stdout.splitlines()], shown.stdout
    os.kill(pid, signal.SIGKILL)
    again = until_state(weir, "up", restarts=1)["pid"]
    servers = json.loads(weir_command(weir, "ps", "--json").stdout)["servers"]
    assert servers == [{"backend": "rack", "state": "up", "pid": again, "restarts": 1, "problem": ""}]


def test_a_client_gets_answers_from_a_server_that_weir_runs(edge, beyond):
    weir = beyond(edge.backend("one"), target("t", "edge-model", backend="rack"),
                  environment={"VISIBLE": "1", "SOME_API_KEY": "canary"})
    until_state(weir, "up")
    client = openai_client(weir)
    ask = {"model": "t", "messages": [{"role": "user", "content": "hello"}]}
    whole = client.chat.completions.create(**ask)
    assert whole.choices[0].message.content == "edge one" and whole.usage.total_tokens == 5
    streamed = client.chat.completions.create(**ask, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in streamed if c.choices) == "edge one"
    # The keys of providers stay with the launcher.
    environment = (edge.folder / "environment").read_text().split()
    assert "VISIBLE" in environment and not {"SOME_API_KEY", "FAKE_PROVIDER_KEY"} & set(environment)


def test_it_is_shown_where_people_look(edge, beyond):
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    server = until_state(weir, "up")
    assert server["pid"] == edge.starts()[0] and server["restarts"] == 0
    metrics = weir.get("/metrics").text
    assert 'weir_server_up{backend="rack"} 1' in metrics and 'weir_server_restarts_total{backend="rack"} 0' in metrics
    listed = weir_command(weir, "backend", "list").stdout
    assert "SERVER" in listed and " up" in listed
    listed = {b["name"]: b for b in json.loads(weir_command(weir, "backend", "list", "--json").stdout)}
    assert listed["rack"]["server"] == "up" and listed["rack"]["command"][1] == str(PROGRAM)
    assert "server" not in listed["here"]
    assert "server of rack" in weir_command(weir, "doctor").stdout
    assert "edge-model" in weir_command(weir, "backend", "probe", "rack").stdout


def test_what_comes_while_it_starts_waits_as_long_as_for_a_connection(edge, beyond):
    edge.tell("loading")
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    early = weir.ask("t")
    assert early.status_code == 503 and early.json()["error"]["code"] == "server_starting"
    assert int(early.headers["retry-after"]) > 0
    weir.config.write_text(weir.config.read_text().replace("500ms", "30s"))
    weir.process.send_signal(signal.SIGHUP)
    assert weir_server.until(lambda: "configuration reloaded" in weir.log())
    edge.untell("loading")
    assert text_of(weir.ask("t")) == "edge"
    assert len(edge.starts()) == 1  # the same command: the same process


def test_another_target_takes_over_while_it_starts_and_when_it_failed(edge, beyond, tmp_path):
    other = Edge(tmp_path / "other")
    edge.tell("loading")
    weir = beyond(edge.backend(), other.backend("other", name="second"), target("t", "edge-model", backend="rack"),
                  target("u", "edge-model", backend="second"), '[route.both]\ntargets = ["t", "u"]\n')
    assert weir_server.until(lambda: server_of(weir, "second")["state"] == "up", timeout_s=30)
    assert text_of(weir.ask("both")) == "edge other"
    edge.untell("loading")
    until_state(weir, "up")
    assert text_of(weir.ask("both")) == "edge"
    edge.tell("crash")
    os.kill(edge.starts()[-1], signal.SIGKILL)
    until_state(weir, "failed")
    assert text_of(weir.ask("both")) == "edge other"


def test_one_that_crashes_is_started_again_and_answers(edge, beyond):
    weir = beyond(edge.backend(more='connect_timeout = "20s"'), target("t", "edge-model", backend="rack"))
    until_state(weir, "up")
    for restarts in (1, 2):
        os.kill(edge.starts()[-1], signal.SIGSEGV)
        until_state(weir, "up", restarts=restarts)
        assert text_of(weir.ask("t")) == "edge"
    assert "server of rack failed: signal 11 (SEGV)" in weir.log()


def test_one_that_crashes_again_and_again_is_left_alone_and_comes_back(edge, beyond):
    edge.tell("crash")
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    server = until_state(weir, "failed")
    assert "exit code 3" in server["problem"] and "loading the model" in server["problem"]
    refused = weir.ask("t")
    assert refused.status_code == 503 and int(refused.headers["retry-after"]) > 0
    doctor = weir_command(weir, "doctor")
    assert doctor.returncode == 1 and "exit code 3" in doctor.stdout
    assert 'weir_server_up{backend="rack"} 0' in weir.get("/metrics").text
    edge.untell("crash")
    until_state(weir, "up")
    assert text_of(weir.ask("t")) == "edge"


def test_one_that_hangs_is_ended_and_started_again(edge, beyond):
    edge.tell("stubborn")
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    first = until_state(weir, "up")["pid"]
    edge.tell("hang")
    until_state(weir, "starting", restarts=1)
    edge.untell("hang")
    assert until_state(weir, "up")["pid"] != first
    assert not weir_server.Process(first).alive()
    assert "it was not well within 2 s" in weir.log()


def test_its_words_are_in_the_log_until_it_is_ready_and_never_a_prompt(edge, beyond):
    edge.tell("shout")
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    until_state(weir, "up")
    assert text_of(weir.ask("t", text="canary-of-a-prompt")) == "edge"
    assert weir.stop() == 0
    log = weir.log()
    assert "server of rack says: loading shard 0\n" in log and "lines were left out" in log
    assert log.count("loading shard") < 1000
    assert "canary-of-a-prompt" not in log


def test_at_level_debug_its_words_are_all_there(edge, beyond):
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"), environment={"WEIR_LOG_LEVEL": "debug"})
    until_state(weir, "up")
    assert text_of(weir.ask("t", text="canary-of-a-prompt")) == "edge"
    assert weir_server.until(lambda: "server of rack says: a request came: canary-of-a-prompt" in weir.log())


@pytest.mark.parametrize("words", [(), ("stubborn",)], ids=["obedient", "stubborn"])
def test_it_ends_with_weir_and_all_that_it_started(edge, beyond, words):
    for word in words:
        edge.tell(word)
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    pid = until_state(weir, "up")["pid"]
    worker = edge.worker()
    assert worker.alive()
    assert weir.stop() == 0
    assert not weir_server.Process(pid).alive() and not worker.alive()


def test_it_ends_when_the_launcher_is_killed(edge, beyond):
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    pid = until_state(weir, "up")["pid"]
    worker = edge.worker()
    os.kill(weir.process.pid, signal.SIGKILL)
    weir.wait()
    assert weir_server.until(lambda: not weir_server.Process(pid).alive() and not worker.alive(), timeout_s=20)


def test_it_lives_on_when_the_gateway_dies(edge, beyond):
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    pid = until_state(weir, "up")["pid"]
    gateway = next(p for p in weir.processes() if "gateway-process" in p.command_line())
    os.kill(gateway.pid, signal.SIGKILL)

    def answers():
        try:
            return weir.ask("t").status_code == 200
        except OSError:
            return False
    assert weir_server.until(lambda: not gateway.alive() and answers(), timeout_s=20)
    assert server_of(weir)["pid"] == pid and len(edge.starts()) == 1


def test_a_reload_changes_adds_and_ends_servers(edge, beyond):
    weir = beyond(edge.backend("one"), target("t", "edge-model", backend="rack"))
    first = until_state(weir, "up")["pid"]
    good = weir.config.read_text()

    def reload(text, times):
        weir.config.write_text(text)
        weir.process.send_signal(signal.SIGHUP)
        assert weir_server.until(lambda: weir.log().count("configuration reloaded") == times, timeout_s=20)

    reload(good.replace('"one"', '"two"'), 1)
    assert weir_server.until(lambda: (server_of(weir) or {}).get("pid") not in (0, first), timeout_s=20)
    until_state(weir, "up")
    assert not weir_server.Process(first).alive()
    answer = weir.ask("t")
    assert ended_well(answer) and text_of(answer) == "edge two"
    second = server_of(weir)["pid"]
    reload("", 2)
    assert weir_server.until(lambda: not weir_server.Process(second).alive(), timeout_s=20)
    assert weir.get("/weir/v1/backends").json()["servers"] == []
    reload(good, 3)
    until_state(weir, "up")
    assert text_of(weir.ask("t")) == "edge one"


def test_a_reload_with_a_program_that_is_not_there_changes_nothing(edge, beyond):
    weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
    pid = until_state(weir, "up")["pid"]
    weir.config.write_text(edge.backend(program="no-such-server") + target("t", "edge-model", backend="rack"))
    weir.process.send_signal(signal.SIGHUP)
    assert weir_server.until(lambda: "not reloaded" in weir.log(), timeout_s=20)
    assert "backend.command names 'no-such-server'" in weir.log()
    assert server_of(weir)["pid"] == pid and text_of(weir.ask("t")) == "edge"


@pytest.mark.parametrize("old, new, problem", [
    (sys.executable, "no-such-server", r"weir\.toml:6:11: backend\.command names 'no-such-server'"),
    ("http://127.0.0.1", "http://10.0.0.7", r"weir\.toml:5:7: backend\.url takes the loopback address"),
    ('tier = "edge"', 'tier = "cloud"', r"backend\.tier of a backend with a command is edge or device"),
], ids=["program", "url", "tier"])
def test_a_configuration_that_cannot_be_is_refused_at_the_start(edge, beyond, tmp_path, old, new, problem):
    text = edge.backend(more="").replace(old, new)
    with pytest.raises(weir_server.NotReady, match=problem):
        beyond(text)
    config = tmp_path / "bad.toml"
    config.write_text(text)
    checked = subprocess.run([str(weir_server.WEIR), "config", "check", "--config", str(config)], capture_output=True,
                             text=True, timeout=60)
    assert checked.returncode != 0 and "backend." in checked.stderr


def test_where_another_program_listens_it_says_so(edge, beyond):
    with socket.socket() as other:
        other.bind(("127.0.0.1", edge.port))
        other.listen()
        weir = beyond(edge.backend(), target("t", "edge-model", backend="rack"))
        assert "another program listens" in until_state(weir, "failed")["problem"]
    until_state(weir, "up")


def test_a_rule_on_the_language_chooses_and_the_explanation_says_so(edge, beyond, tmp_path):
    german = Edge(tmp_path / "german")
    weir = beyond(edge.backend("any"), german.backend("deutsch", name="second"), target("t", "m", backend="rack"),
                  target("u", "m", backend="second"), '[route.both]\ntargets = ["t", "u"]\n',
                  '[[rule]]\nwhen = { language = "de" }\nuse = ["u"]\n')
    assert weir_server.until(lambda: all(server_of(weir, name)["state"] == "up" for name in ("rack", "second")),
                             timeout_s=30)
    for text, answer, told in (("Was ist die Hauptstadt von Frankreich?", "edge deutsch", "de"),
                               ("What is the capital of France?", "edge any", "en"), ("ok", "edge any", "unknown")):
        got = weir.ask("both", text=text)
        assert text_of(got) == answer
        assert f"the language of what the user wrote: {told}" in "\n".join(weir.explain(got)["explanation"])
