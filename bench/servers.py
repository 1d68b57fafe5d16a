"""The two servers that are compared, behind one shape: url, model name, processes, and an end."""

import copy
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import weir_server  # noqa: E402

START_TIMEOUT_S = 120


def digest_of(name):
    """The SHA-256 of a stored model's file, in hex."""
    model, tag = name.split(":")
    manifest = weir_server.model_store() / "manifests" / model / f"{tag}.json"
    return json.loads(manifest.read_text())["model"]["sha256"]


def blob_of(name):
    """The model file of a stored model."""
    return weir_server.model_store() / "blobs" / f"sha256-{digest_of(name)}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def peer_program():
    """llama-server from the same tree as our libllama, built on first use."""
    done = subprocess.run([ROOT / "tools" / "build_llama.sh", "--peers"], stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.split()[-1]) / "build" / "bin" / "llama-server"


class LlamaServer:
    name = "llama-server"

    def __init__(self, program, folder, model, *arguments):
        self.model = model
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [str(program), "-m", str(blob_of(model)), "-a", model, "--port", str(self.port), "--jinja",
                        *arguments]
        folder.mkdir(parents=True, exist_ok=True)
        self.log = open(folder / "llama-server.log", "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self._wait_ready()

    def _wait_ready(self):
        while time.monotonic() < self.started + START_TIMEOUT_S:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.005)
        raise RuntimeError(f"llama-server did not start; its log is {self.log.name}")

    def memory_kib(self):
        return weir_server.Process(self.process.pid).memory_kib()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Weir:
    name = "weir"

    def __init__(self, folder, model, *arguments):
        self.model = model
        self.running = weir_server.Weir(folder / f"weir-{os.getpid()}-{free_port()}", *arguments,
                                        models=weir_server.model_store())
        self.url, self.port, self.ready_s = self.running.url, self.running.port, self.running.ready_s
        self.command = ["weir", "serve", *arguments]

    def asked_for(self, model):
        """The same server, for requests of another of its models."""
        other = copy.copy(self)
        other.model = model
        return other

    def memory_kib(self):
        return sum(process.memory_kib() for process in self.running.processes())

    def memory_without_engines_kib(self):
        engines = {process.pid for process in self.running.engines()}
        return sum(process.memory_kib() for process in self.running.processes() if process.pid not in engines)

    def stop(self):
        self.running.__exit__()


def machine():
    """What the figures depend on, in words."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cpu": cpu, "cores": os.cpu_count(), "load": os.getloadavg()[0],
            "kernel": os.uname().release, "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
