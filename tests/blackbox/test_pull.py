"""weir pull, rm and cp against servers that speak the hubs' protocols and misbehave."""

import collections
import json
import os
import random
import signal
import struct
import subprocess
import time

import pytest

import weir_server
from hub import Hub, gguf, sha256
from own_store import Store, one_line, place

SMALL_FILE = gguf(200_000, seed=1)
# More than one piece, so that several connections have something to do.
LARGE_FILE = gguf(40 << 20, seed=2)
LONG = os.environ.get("WEIR_LONG") == "1"


@pytest.fixture
def hub():
    with Hub() as running:
        running.add_repository("me/tiny-GGUF", {"README.md": b"words", "tiny-Q4_0.gguf": SMALL_FILE})
        running.files["tiny.gguf"] = SMALL_FILE
        running.files["large.gguf"] = LARGE_FILE
        yield running


@pytest.fixture
def store(tmp_path, hub):
    return Store(tmp_path, hub)


def test_a_web_address_is_pulled_and_named_after_its_file(store, hub):
    done = store("pull", f"{hub.url}/files/tiny.gguf")
    assert done.returncode == 0, done.stderr
    assert store.names() == ["tiny:latest"]
    assert store.content("tiny:latest") == SMALL_FILE
    assert store.leftovers() == []


def test_a_repository_is_pulled_by_its_quantisation(store, hub):
    done = store("pull", "hf:me/tiny-GGUF:Q4_0")
    assert done.returncode == 0, done.stderr
    shown = json.loads(store("list", "--json").stdout)[0]
    assert shown["name"] == "tiny:q4_0" and shown["sha256"] == sha256(SMALL_FILE)
    assert shown["licence"] == "apache-2.0" and shown["source"] == "hf:me/tiny-GGUF:tiny-Q4_0.gguf"


def test_a_name_of_ones_own(store, hub):
    assert store("pull", "hf:me/tiny-GGUF", "--name", "Mine:V1").returncode == 0
    assert store.names() == ["mine:v1"]


def test_ollamas_registry_brings_parameters_and_words(store, hub):
    hub.add_tag("library/small:1b", SMALL_FILE, params=b'{"stop":["<|im_end|>"],"temperature":0.3,"num_gpu":1}',
                system=b"You are small.", license=b"Do as you like.", template=b"{{ if .System }}x{{ end }}")
    done = store("pull", "ollama:small:1b")
    assert done.returncode == 0, done.stderr
    assert "Go's dialect" in done.stderr
    manifest = json.loads((store.root / "manifests/small/1b.json").read_text())
    assert manifest["parameters"] == {"stop": ["<|im_end|>"], "temperature": 0.3}
    assert manifest["system"] == "You are small." and manifest["licence_text"] == "Do as you like."
    assert "template" not in manifest


def test_a_file_of_this_machine_is_copied(store):
    (store.home / "my model-Q8_0.gguf").write_bytes(SMALL_FILE)
    assert store("pull", "file:my model-Q8_0.gguf").returncode == 0
    assert store.names() == ["my-model:q8_0"]
    assert store("pull", "file:missing.gguf").returncode == 3


def test_a_model_that_is_there_is_not_fetched_again(store, hub):
    store("pull", "hf:me/tiny-GGUF")
    before = len([path for path, *_ in hub.seen if "/resolve/" in path])
    done = store("pull", "hf:me/tiny-GGUF")
    assert done.returncode == 0 and "is there" in done.stdout
    assert len([path for path, *_ in hub.seen if "/resolve/" in path]) == before


def test_several_connections_share_a_large_file(store, hub):
    done = store("pull", f"{hub.url}/files/large.gguf", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "begin" and events[-1]["event"] == "done"
    assert events[-1]["sha256"] == sha256(LARGE_FILE)
    assert len({asked for path, _, asked in hub.seen if "large" in path}) >= 3
    assert store.content("large:latest") == LARGE_FILE


def test_a_connection_that_breaks_is_gone_on_with(store, hub):
    hub.cut_after, hub.cuts = 5_000_000, 4
    done = store("pull", f"{hub.url}/files/large.gguf")
    assert done.returncode == 0, done.stderr
    assert store.content("large:latest") == LARGE_FILE
    asked = [int(r.removeprefix("bytes=").split("-")[0]) for path, _, r in hub.seen if "large" in path and r]
    assert any(start % (16 << 20) for start in asked), "the rest of a piece was asked for"


def test_a_server_without_ranges_is_read_in_one_go(store, hub):
    hub.ranges = False
    assert store("pull", f"{hub.url}/files/large.gguf").returncode == 0
    assert store.content("large:latest") == LARGE_FILE


def test_a_server_that_says_no_length_is_read_to_its_end(store, hub):
    hub.ranges = hub.announce_length = False
    assert store("pull", f"{hub.url}/files/tiny.gguf").returncode == 0
    assert store.content("tiny:latest") == SMALL_FILE


def test_a_server_that_always_breaks_is_one_line_and_nothing_half(store, hub):
    hub.cut_after = 0
    line = one_line(store("pull", f"{hub.url}/files/tiny.gguf"), 1)
    assert "broke off" in line or "run the same command again" in line
    assert store.names() == []


def test_a_stalled_connection_is_given_up(store, hub):
    hub.files["tiny.gguf"] = LARGE_FILE
    hub.stall_after, hub.ranges = 1 << 20, False
    started = time.monotonic()
    process = store.start("pull", f"{hub.url}/files/tiny.gguf", WEIR_FETCH_STALL_MS="1000")
    hub_calls = lambda: len([1 for path, *_ in hub.seen if "tiny" in path])
    assert weir_server.until(lambda: hub_calls() >= 3, 20), "it asked again"
    assert time.monotonic() - started > 0.9
    process.kill()
    process.communicate()


def test_bytes_of_another_model_are_refused(store, hub):
    hub.corrupt = True
    line = one_line(store("pull", "hf:me/tiny-GGUF"), 1)
    assert "sha256" in line and "refused" in line
    assert store.names() == [] and store.leftovers() == []


def test_an_endless_body_ends(store, hub):
    hub.ranges, hub.endless = False, True
    line = one_line(store("pull", "hf:me/tiny-GGUF", timeout=60), 1)
    assert "more bytes" in line


def test_a_page_of_words_is_no_model(store, hub):
    hub.files["page.gguf"] = b"<html>please log in</html>" * 1000
    assert "no GGUF" in one_line(store("pull", f"{hub.url}/files/page.gguf"), 1)
    assert store.names() == [] and store.leftovers() == []


@pytest.mark.parametrize("spoil", [
    lambda data: data[:len(data) // 2],  # tensors outside of the file
    lambda data: data[:8] + b"\xff" * 8 + data[16:],  # tensor count
    lambda data: data[:4] + b"\x63\x00\x00\x00" + data[8:],  # version
    lambda data: data.replace(b"llama.block_count\x04\x00\x00\x00\x02\x00", b"llama.block_count\x04\x00\x00\x00\xff\xff"),
    lambda data: data[:24],
])
@pytest.mark.parametrize("source", ["web", "hub", "registry", "file"])
def test_hostile_files_stop_at_the_inspector(store, hub, spoil, source):
    bad = spoil(SMALL_FILE)
    if bad == SMALL_FILE:
        pytest.skip("this file has nothing to spoil that way")
    hub.files["bad.gguf"] = bad
    hub.add_repository("me/bad", {"bad.gguf": bad})
    hub.add_tag("library/bad:latest", bad)
    (store.home / "bad.gguf").write_bytes(bad)
    reference = {"web": f"{hub.url}/files/bad.gguf", "hub": "hf:me/bad", "registry": "ollama:bad",
                 "file": "file:bad.gguf"}[source]
    done = store("pull", reference)
    assert done.returncode == 1, done
    assert "refused" in done.stderr
    assert store.names() == [] and store.leftovers() == []


def test_path_tricks_of_a_hub_lead_nowhere(store, hub):
    hub.repositories["me/evil"] = ["../../../../etc/cron.d/x.gguf", "/etc/x.gguf", "a/../../x.gguf"]
    assert one_line(store("pull", "hf:me/evil"), 3)
    hub.tags["library/evil:latest"] = {"layers": [{
        "mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../etc/passwd", "size": 3}]}
    assert one_line(store("pull", "ollama:evil"), 1)
    for name in ["hf:../..", "hf:a/../b", "ollama:../x", "file:", "../x", "hf:a/b:../../c"]:
        assert store("pull", name).returncode in (1, 2), name
    assert store("pull", "hf:me/tiny-GGUF", "--name", "../../x").returncode in (1, 2)
    assert not (store.home / "x.json").exists() and store.names() == []


@pytest.mark.parametrize("status, code, word", [(401, 1, "token"), (403, 1, "token"), (404, 3, "no such"),
                                                (429, 1, "too many"), (503, 1, "503")])
def test_what_a_hub_refuses_is_one_line(store, hub, status, code, word):
    hub.status["/api/"] = (status, {"Retry-After": "9"})
    assert word in one_line(store("pull", "hf:me/tiny-GGUF"), code)
    hub.status = {"/me/": (status, {"Retry-After": "9"})}
    assert word in one_line(store("pull", "hf:me/tiny-GGUF"), code)
    assert store.names() == []


def test_the_token_goes_to_the_hub_alone(store, hub, tmp_path):
    with Hub() as elsewhere:
        elsewhere.files = {"me/tiny-GGUF/tiny-Q4_0.gguf": SMALL_FILE}
        hub.redirect_files_to = elsewhere.url
        done = store("pull", "hf:me/tiny-GGUF", HF_TOKEN="hf_secret")
        assert done.returncode == 0, done.stderr
        assert {token for _, token, _ in hub.seen} == {"Bearer hf_secret"}
        assert {token for _, token, _ in elsewhere.seen} == {None} and elsewhere.seen
    secret = b"hf_secret"
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


def test_redirects_to_plain_http_elsewhere_are_refused(store, hub):
    hub.redirect_files_to = "http://169.254.169.254"
    assert "redirects" in one_line(store("pull", "hf:me/tiny-GGUF"), 1)


def test_plain_http_elsewhere_is_refused(store):
    assert one_line(store("pull", "http://hub.example/x.gguf"), 1)


def test_unknown_names_are_exit_3_with_near_ones(store):
    assert "smollm2" in one_line(store("pull", "smolm2:135m"), 3)


def test_nobody_there_is_one_line(store):
    assert one_line(store("pull", "hf:a/b", HF_ENDPOINT="http://127.0.0.1:1"), 1)


def test_two_pulls_of_the_same_file_share_the_work(store, hub):
    hub.add_repository("me/large", {"large.gguf": LARGE_FILE})
    hub.delay_s = 0.002
    both = [store.start("pull", "hf:me/large", "--json") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert store.content("large:latest") == LARGE_FILE
    sent = sum(1 for path, _, _ in hub.seen if "/resolve/" in path)
    assert sent <= 6, hub.seen
    assert any("another process" in output for output in outputs)


def test_a_waiting_pull_takes_over_when_the_first_is_killed(store, hub):
    hub.add_repository("me/large", {"large.gguf": LARGE_FILE})
    hub.delay_s = 0.004
    first = store.start("pull", "hf:me/large")
    assert weir_server.until(lambda: any("/resolve/" in path for path, *_ in hub.seen), 20)
    second = store.start("pull", "hf:me/large", "--json")
    assert weir_server.until(lambda: len([1 for path, *_ in hub.seen if path.startswith("/api/")]) == 2, 20)
    first.kill()
    output, errors = second.communicate(timeout=120)
    first.communicate()
    assert second.returncode == 0, errors
    assert store.content("large:latest") == LARGE_FILE and store.leftovers() == []


def counts_of(store):
    """Bytes of each piece that a pull has written and counted, behind magic, total, piece size, boot id and ETag."""
    for path in store.root.glob("partial/*/state"):
        state = path.read_bytes()
        if len(state) > 328:
            return struct.unpack_from("<3q", state, 320)
    return (0, 0, 0)


def phase_of(store):
    """Where a kill has left the store."""
    if list(store.root.glob("manifests/*/*.json")):
        return "named"
    if list(store.root.glob("partial/*/intent")):
        return "about to be named"
    if list(store.root.glob("partial/*/state")) and not list(store.root.glob("partial/*/data")):
        return "clearing up"
    whole = sum(counts_of(store)) == len(LARGE_FILE)
    return "all bytes" if whole else "some bytes" if any(counts_of(store)) else "no bytes"


def strangers(store):
    """What has no place in a store after a kill: the next start would not know whose it is."""
    blobs = {path.name for path in store.root.glob("blobs/*")}
    intents = [json.loads(path.read_text()) for path in store.root.glob("*/*/*") if path.name == "intent"
               or path.suffix == ".json"]
    owned = {f"sha256-{each['model']['sha256']}" for each in intents}
    return sorted(blobs - owned) + sorted(str(each) for each in list(store.root.glob("partial/*"))[1:])


@pytest.mark.timeout(7200)
def test_killed_pulls_lose_nothing(store, hub):
    """Each round kills a pull at a random moment. What was counted is there for the next one, and nothing is there that
    nobody owns. WEIR_PULL_KILLS says how many rounds; `pytest -rP` shows where they hit."""
    kills = int(os.environ.get("WEIR_PULL_KILLS", "2000" if LONG else "20"))
    hub.delay_s = 0.0005
    source = random.Random(7)
    phases = collections.Counter()
    before = (0, 0, 0)
    for _ in range(kills):
        process = store.start("pull", f"{hub.url}/files/large.gguf")
        time.sleep(source.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()  # the process that fetches has ended, too
        phase = phase_of(store)
        phases[phase] += 1
        if phase in ("no bytes", "some bytes", "all bytes"):
            after = counts_of(store)
            assert all(now >= then for now, then in zip(after, before, strict=True)), (before, after)
            before = after
        assert strangers(store) == [], phase
        if "large:latest" in store.names():
            assert store.content("large:latest") == LARGE_FILE
            store("rm", "large:latest")
            before = counts_of(store) if list(store.root.glob("partial/*/data")) else (0, 0, 0)
    done = store("pull", f"{hub.url}/files/large.gguf")
    assert done.returncode == 0, done.stderr
    assert store.content("large:latest") == LARGE_FILE
    assert store.leftovers() == []
    print(f"{kills} kills: {dict(phases)}")


def test_a_kill_while_a_commit_clears_up_costs_the_next_pull_nothing_but_time(store, hub):
    """The counts were there and their bytes were a model already, which is removed then."""
    hub.delay_s = 0.01
    process = store.start("pull", f"{hub.url}/files/large.gguf", "--connections", "1")
    assert weir_server.until(lambda: counts_of(store)[0] > 1_000_000, 60)
    process.kill()
    process.communicate()
    [data] = store.root.glob("partial/*/data")
    data.unlink()
    hub.delay_s = 0
    done = store("pull", f"{hub.url}/files/large.gguf")
    assert done.returncode == 0, done.stderr
    assert store.content("large:latest") == LARGE_FILE and store.leftovers() == []


def test_what_arrived_before_a_kill_is_kept(store, hub):
    hub.delay_s = 0.01
    process = store.start("pull", f"{hub.url}/files/large.gguf", "--connections", "1")

    assert weir_server.until(lambda: counts_of(store)[0] > 1_000_000, 60)
    process.kill()
    process.communicate()
    hub.seen.clear()
    hub.delay_s = 0
    assert store("pull", f"{hub.url}/files/large.gguf", "--connections", "1").returncode == 0
    first = next(asked for _, _, asked in hub.seen if asked != "bytes=0-0")
    assert first and first != "bytes=0-16777215", first
    assert store.content("large:latest") == LARGE_FILE


def test_a_full_disk_is_one_line(store, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    try:
        store.root = small / "models"
        line = one_line(store("pull", f"{store.hub.url}/files/large.gguf"), 1)
        assert "disk" in line and "free" in line
        assert store.names() == []
        assert store("pull", "hf:me/tiny-GGUF").returncode == 0, "what fits still fits"
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        assert "cannot be written" in one_line(store("pull", "hf:me/tiny-GGUF", "--name", "x:y"), 1)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_rm_and_cp(store, hub):
    store("pull", "hf:me/tiny-GGUF")
    assert store("cp", "tiny:q4_0", "Other").returncode == 0
    assert store.names() == ["other:latest", "tiny:q4_0"]
    done = store("rm", "tiny:q4_0")
    assert done.returncode == 0 and "0 B freed" in done.stdout
    assert store.content("other:latest") == SMALL_FILE
    assert store("rm", "other").returncode == 0
    assert store.names() == [] and store.leftovers() == []
    assert one_line(store("rm", "other"), 3)
    assert one_line(store("cp", "other", "x"), 3)


def test_a_model_that_is_loaded_is_not_removed(serve, small, tmp_path):
    models = tmp_path / "models"
    source = weir_server.model_store()
    manifest = json.loads((source / "manifests" / small.replace(":", "/")).with_suffix(".json").read_text())
    blob = f"sha256-{manifest['model']['sha256']}"
    (models / "blobs").mkdir(parents=True)
    place(source / "blobs" / blob, models / "blobs" / blob)
    folder = models / "manifests" / small.split(":")[0]
    folder.mkdir(parents=True)
    (folder / f"{small.split(':')[1]}.json").write_text(json.dumps(manifest))
    server = serve(models=models)
    environment = server.environment | {"WEIR_DATA": str(server.data), "WEIR_MODELS": str(models)}

    def weir(*arguments):
        return subprocess.run([weir_server.WEIR, *arguments], capture_output=True, text=True, input="",
                              env=environment, timeout=60 * weir_server.PATIENCE)

    assert weir("run", small, "Hi", "--max-tokens", "4").returncode == 0
    refused = weir("rm", small)
    assert refused.returncode == 1 and "in use" in refused.stderr
    assert weir("rm", small, "--force").returncode == 0
    assert weir("list").stdout.count("\n") == 1
