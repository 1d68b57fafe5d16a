"""Clients of other people as processes of their own, each from its file in tests/clients/; see tasks.py there."""

import json
import pathlib
import re
import subprocess
import threading

import weir_server

FOLDER = weir_server.ROOT / "tests" / "clients"
PYTHON = weir_server.ROOT / "build" / "env" / "clients" / "bin" / "python"
NODE_HOME = weir_server.ROOT / "build" / "env" / "clients-node"
LINE_TIMEOUT_S = 120
# Nothing is fetched at run time: price lists, tokenizers, news of updates.
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1",
           "ANONYMIZED_TELEMETRY": "False", "OTEL_SDK_DISABLED": "true", "AI_SDK_LOG_WARNINGS": "false",
           "LANGSMITH_TRACING": "false", "PYTHONDONTWRITEBYTECODE": "1"}


def subjects_of(folder):
    """{client's file: its subjects}"""
    found = {}
    for path in sorted(FOLDER.glob(f"{folder}/*")):
        if path.suffix in (".py", ".mjs"):
            line = re.search(r"^(?:SUBJECTS|export const subjects) = ['\"]([a-z_ ]+)['\"]", path.read_text(), flags=re.M)
            assert line, f"{path} does not say its subjects"
            found[path] = line[1].split()
    return found


def missing():
    """What has to be installed before a client can run; empty: nothing."""
    return "" if PYTHON.exists() and NODE_HOME.exists() else "the clients are not installed; tools/setup.sh --clients"


class Failed(Exception):
    """The client raised where it should not have."""


class Client:
    """One client's process, asked one task after the other; a context manager."""

    def __init__(self, path, home):
        self.path = path
        home.mkdir(parents=True, exist_ok=True)
        self.errors = open(home / "stderr.log", "wb")
        command = [PYTHON, FOLDER / "run.py"] if path.suffix == ".py" else ["node", FOLDER / "run.mjs"]
        environment = weir_server.plain_environment(home) | OFFLINE | {"WEIR_NODE_HOME": str(NODE_HOME)}
        self.process = subprocess.Popen([*command, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True, encoding="utf-8", cwd=home, env=environment)

    def read(self):
        timer = threading.Timer(LINE_TIMEOUT_S * weir_server.PATIENCE, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            log = pathlib.Path(self.errors.name).read_text(errors="replace")
            raise Failed(f"{self.path.name} ended (exit {self.process.wait()}):\n{log[-3000:]}")
        said = json.loads(line)
        if "failed" in said:
            raise Failed(said["failed"][-6000:])
        return said

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, subject, given):
        self.send(json.dumps({"subject": subject, "given": given}))
        return self.read()

    def go_on(self):
        """After `started`: lets the client give its stream up."""
        self.send("")
        return self.read()

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10 * weir_server.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Running:
    """The client that was asked last; another one's process takes its place."""

    def __init__(self, factory):
        self.factory = factory
        self.client = None

    def get(self, path):
        if self.client and (self.client.path != path or self.client.process.poll() is not None):
            self.stop()
        if not self.client:
            self.client = Client(path, self.factory.mktemp(path.stem))
        return self.client

    def stop(self):
        if self.client:
            self.client.stop()
        self.client = None
