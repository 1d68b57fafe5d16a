"""A model store of a test's own, with the commands against it and a hub (hub.py) that answers for all the others."""

import json
import os
import shutil
import subprocess

import weir_server


def place(source, target):
    """A second name for a large file, or a copy where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def one_line(done, code):
    assert done.returncode == code, done
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("pulling ")]
    assert len(lines) == 1 and lines[0].startswith("weir: ") and "; " in lines[0], done.stderr
    return lines[0]


class Store:
    """A model store of one's own, and the commands against it."""

    def __init__(self, root, hub):
        self.root = root / "models"
        self.home = root
        self.hub = hub

    def environment(self, **more):
        kept = weir_server.plain_environment(self.home)
        for name in [name for name in kept if name.startswith(("HF_", "OLLAMA_", "HUGGING"))]:
            del kept[name]
        kept |= {"WEIR_DATA": str(self.home / "data"), "WEIR_MODELS": str(self.root),
                 "HF_ENDPOINT": self.hub.url, "OLLAMA_REGISTRY": self.hub.url, "WEIR_CACHE": str(self.home / "cache"),
                 "WEIR_FETCH_STALL_MS": str(int(10_000 * weir_server.PATIENCE))}
        return kept | more

    def __call__(self, *arguments, timeout=120, **environment):
        return subprocess.run([weir_server.WEIR, *map(str, arguments)], capture_output=True, text=True, input="",
                              env=self.environment(**environment), cwd=self.home,
                              timeout=timeout * weir_server.PATIENCE)

    def start(self, *arguments, **environment):
        return subprocess.Popen([weir_server.WEIR, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment(**environment), cwd=self.home)

    def names(self):
        return [model["name"] for model in json.loads(self("list", "--json").stdout)]

    def content(self, name):
        for model in json.loads(self("list", "--json").stdout):
            if model["name"] == name:
                return (self.root / "blobs" / f"sha256-{model['sha256']}").read_bytes()
        return None

    def create(self, name, text):
        """`weir create` by a Modelfile of this text."""
        (self.home / "Modelfile").write_text(text)
        return self("create", name, "-f", "Modelfile")

    def blobs(self):
        return {path.name.removeprefix("sha256-") for path in (self.root / "blobs").iterdir()}

    def leftovers(self):
        """Every file that is neither a model nor its name."""
        known = {f"sha256-{model['sha256']}" for model in json.loads(self("list", "--json").stdout)}
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")
                      if path.is_file() and path.name not in known and path.suffix != ".json"
                      and path.name != "lock")
