"""weir doctor on what processes leave behind and on where the server would listen; each bad line says what to do."""

import fcntl
import json
import os
import socket
import subprocess
import time

import pytest

import weir_server
from hub import Hub, gguf
from own_store import Store

LARGE_FILE = gguf(24 << 20, seed=3)


@pytest.fixture
def hub():
    with Hub() as running:
        running.files["large.gguf"] = LARGE_FILE
        yield running


@pytest.fixture
def store(tmp_path, hub):
    (tmp_path / "data").mkdir()
    return Store(tmp_path, hub)


def findings(store, *flags, **environment):
    """What -> [state, found, advice]; there is advice wherever something is bad."""
    done = store("doctor", "--json", *flags, **{"WEIR_LISTEN": "127.0.0.1:0"} | environment)
    listed = json.loads(done.stdout)
    assert done.returncode == (1 if any(each["state"] == "BAD" for each in listed) else 0), done.stdout
    assert [each["what"] for each in listed if each["state"] == "BAD" and not each["advice"]] == []
    return {each["what"]: (each["state"], each["found"], each["advice"]) for each in listed}


def test_a_pull_that_nobody_works_on_is_told_from_one_that_runs(store, hub):
    assert "unfinished pulls" not in findings(store)
    hub.delay_s = 0.05
    process = store.start("pull", f"{hub.url}/files/large.gguf")
    assert weir_server.until(lambda: list(store.root.glob("partial/*/intent")) or
                             any(path.stat().st_blocks for path in store.root.glob("partial/*/data")), 60)
    assert findings(store)["pulls under way"][1] == "1"
    process.kill()
    process.communicate()
    found = findings(store)
    assert "pulls under way" not in found
    state, said, advice = found["unfinished pulls"]
    assert state == "note" and "1 with" in said and "stale" not in said and "same pull" in advice
    [partial] = store.root.glob("partial/*")
    long_ago = time.time() - 8 * 86400
    os.utime(partial / "state", (long_ago, long_ago))
    _, said, advice = findings(store)["unfinished pulls"]
    assert "1 of them stale" in said and f"rm -r {partial}" in advice
    hub.delay_s = 0
    hub.files["other.gguf"] = gguf(1000, seed=4)
    assert store("pull", f"{hub.url}/files/other.gguf").returncode == 0
    assert "unfinished pulls" not in findings(store), "the next pull of anything takes stale ones away"


def test_locks_are_free_or_have_a_holder(store):
    found = findings(store)
    assert found["store lock"][:2] == found["data folder lock"][:2] == ("ok", "free")
    store.root.mkdir(exist_ok=True)
    held = [open(folder / "lock", "w", encoding="utf-8") for folder in (store.root, store.home / "data")]
    for lock in held:
        fcntl.flock(lock, fcntl.LOCK_EX)
    found = findings(store)
    assert found["store lock"][0] == "note" and f"process {os.getpid()}" in found["store lock"][1]
    state, said, advice = found["data folder lock"]
    assert state == "BAD" and "no server answers" in said and f"kill {os.getpid()}" in advice
    for lock in held:
        lock.close()
    (store.home / "data" / "serve.json").write_text('{"address": "http://127.0.0.1:9"}')
    found = findings(store)
    assert found["data folder lock"][:2] == ("ok", "free") and "stale" in found["serve.json"][1]


def test_manifests_that_were_not_finished_are_counted(store):
    folder = store.root / "manifests" / "mine"
    folder.mkdir(parents=True)
    (folder / ".weir-latest.json.4711").write_text("{")
    assert findings(store)["unfinished manifests"][:2] == ("note", "1")


def test_a_port_that_another_program_has_is_named(store):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        state, said, advice = findings(store, WEIR_LISTEN=address)[f"port of {address}"]
        assert state == "BAD" and "another program" in said and "--listen" in advice
    assert findings(store, WEIR_LISTEN=address)[f"port of {address}"][:2] == ("ok", "free")
    state, said, advice = findings(store, WEIR_LISTEN="203.0.113.9:9347")["port of 203.0.113.9:9347"]
    assert state == "BAD" and "203.0.113.9" in said


def test_a_port_of_the_running_server_is_its_own(serve):
    server = serve()
    done = subprocess.run([weir_server.WEIR, "doctor", "--json"], capture_output=True, text=True, timeout=60,
                          env=server.environment | {"WEIR_DATA": str(server.data),
                                                    "WEIR_LISTEN": server.url.removeprefix("http://")})
    found = {each["what"]: each for each in json.loads(done.stdout)}
    assert found[f"port of {server.url.removeprefix('http://')}"]["found"] == "the server's"
    assert "the server" in found["data folder lock"]["found"]


def test_who_listens_beyond_loopback_wants_a_key(store):
    state, said, advice = findings(store, WEIR_LISTEN="0.0.0.0:0")["keys for 0.0.0.0:0"]
    assert state == "BAD" and "none" in said and "weir keys create" in advice
    assert store("keys", "create", "laptop").returncode == 0
    assert findings(store, WEIR_LISTEN="0.0.0.0:0")["keys for 0.0.0.0:0"][0] == "ok"


def test_hashes_find_bytes_that_changed(store, hub):
    assert store("pull", f"{hub.url}/files/large.gguf").returncode == 0
    assert findings(store, "--hashes")["model files"][1] == "1 with the right sha256"
    [blob] = store.root.glob("blobs/*")
    with open(blob, "r+b") as file:
        file.seek(10 << 20)
        byte = file.read(1)
        file.seek(10 << 20)
        file.write(bytes([byte[0] ^ 1]))
    state, said, advice = findings(store, "--hashes")["large:latest"]
    assert state == "BAD" and "changed" in said and "weir rm large:latest" in advice
    assert "large:latest" not in findings(store), "without --hashes only sizes are looked at"


def test_a_build_for_the_cpu_alone_says_so(store):
    state, said, advice = findings(store)["GPU"]
    assert (state, "CPU alone" in said, "WEIR_GPU=cuda make build" in advice) == ("note", True, True)
    config = store.home / "weir.toml"
    config.write_text('[model."m:1"]\ngpu_layers = 20\ntensor_split = [3, 1]\ncpu_moe_layers = 4\n')
    done = store("config", "check", "--config", config)
    assert done.returncode == 0
    for line, name in enumerate(("gpu_layers", "tensor_split", "cpu_moe_layers"), start=2):
        assert f'weir.toml:{line}: model."m:1".{name} has no effect: this build computes on the CPU alone' in \
            done.stdout + done.stderr
    config.write_text('[model."m:1"]\ngpu_layers = 0\ncpu_moe_layers = 0\n')
    done = store("config", "check", "--config", config)
    assert "no effect" not in done.stdout + done.stderr, "that is what such a build does"
