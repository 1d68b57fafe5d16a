"""Real embeddings for bench/vectors.py: sentences of SciFact's abstracts, as Weir's default embedding model sees them.

What was embedded is kept in a folder, for the model takes minutes where a benchmark takes seconds.
"""

import base64
import csv
import hashlib
import io
import pathlib
import re
import sys
import tempfile
import zipfile

import asking
import servers  # noqa: F401 (it finds what tests and benchmarks share)
import weir_server

BATCH, LEAST_CHARACTERS = 64, 40


def sentences(count):
    """`count` different sentences of the abstracts, in their order."""
    archive = weir_server.shared_data() / "retrieval" / "scifact" / "scifact.zip"
    with zipfile.ZipFile(archive) as packed:
        rows = list(csv.DictReader(io.TextIOWrapper(packed.open("corpus_train.csv"), "utf-8")))
    found = {}
    for row in rows:
        text = " ".join(part.strip(" '\"") for part in row["abstract"].strip("[]").split("\n"))
        found.update((part, None) for part in re.split(r"(?<=[.?!]) +", text) if len(part) >= LEAST_CHARACTERS)
    if len(found) < count:
        raise SystemExit(f"{count} sentences were asked for; SciFact has {len(found)}")
    return list(found)[:count]


def embed(count, folder: pathlib.Path):
    """A file of `count` vectors as f32, embedded now unless `folder` has them."""
    texts = sentences(count)
    path = folder / f"embedded-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}.f32"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, weir_server.Weir(data, models=weir_server.model_store()) as weir:
        with open(path.with_suffix(".part"), "wb") as out:
            for begin in range(0, count, BATCH):
                body = {"model": "embedding", "input": texts[begin:begin + BATCH], "encoding_format": "base64"}
                for row in asking.post(weir, "/v1/embeddings", body)["data"]:
                    out.write(base64.b64decode(row["embedding"]))
                if begin % (BATCH * 50) == 0:
                    print(f"  {begin} of {count} sentences embedded", file=sys.stderr, flush=True)
    path.with_suffix(".part").rename(path)
    return path
