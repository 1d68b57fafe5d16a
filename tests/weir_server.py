"""The real `weir serve`, started for a test or a measurement, and what can be seen of it from outside.

Nothing in here knows how Weir works inside: it starts the program, waits for the ready line, and reads /proc.
"""

import os
import pathlib
import re
import select
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
WEIR = BUILD / "bin" / "weir"
# A plain SEGV is what tests send themselves; one of our own shows as an engine that died.
SANITIZER = re.compile(r"WARNING: ThreadSanitizer|ERROR: AddressSanitizer: (?!SEGV)|LeakSanitizer: det|runtime error:")
READY = re.compile(r"^weir: ready on (http://\S+)$")
# Sanitized builds and busy machines are slow; a bound that a user would feel is asserted separately.
PATIENCE = float(os.environ.get("WEIR_PATIENCE", "1"))


def model_store():
    if "WEIR_MODELS" in os.environ:
        return pathlib.Path(os.environ["WEIR_MODELS"])
    data = os.environ.get("WEIR_DATA") or (
        pathlib.Path(os.environ.get("XDG_DATA_HOME", pathlib.Path.home() / ".local" / "share")) / "weir")
    return pathlib.Path(data) / "models"


def shared_data():
    """The folder of test data that lies beside the checkout, or inside it; None when there is none."""
    for folder in (ROOT.parent / "shared" / "data", ROOT / "shared" / "data"):
        if folder.is_dir():
            return folder
    return None


def plain_environment(home):
    """The environment without anything that would configure Weir, and with a home of its own."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("WEIR_", "XDG_", "OPENAI_")) and "proxy" not in name.lower()}
    return kept | {"HOME": str(home), "NO_COLOR": "1"}


class Process:
    """One process as /proc shows it."""

    def __init__(self, pid):
        self.pid = pid

    def _read(self, name):
        return pathlib.Path(f"/proc/{self.pid}/{name}").read_text()

    def name(self):
        try:
            return os.path.basename(os.readlink(f"/proc/{self.pid}/exe"))
        except OSError:  # it has ended
            return ""

    def command_line(self):
        return self._read("cmdline").split("\0")

    def alive(self):
        try:
            return self._read("stat").rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def cpu_s(self):
        fields = self._read("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, field="Pss"):
        return int(re.search(rf"^{field}:\s+(\d+) kB", self._read("smaps_rollup"), flags=re.M)[1])

    def resident_kib(self):
        return int(re.search(r"^VmRSS:\s+(\d+) kB", self._read("status"), flags=re.M)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def descendants(pid):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return [Process(child) for child in found]


class NotReady(Exception):
    pass


class Weir:
    """`weir serve` on a free port with a data folder of its own; a context manager."""

    def __init__(self, data, *arguments, models=None, environment=None, ready_timeout_s=20.0, listen=True):
        self.data = pathlib.Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        self.environment = plain_environment(self.data) | (environment or {})
        command = [str(WEIR), "serve", "--data", str(self.data)]
        if models is not None:
            command += ["--models", str(models)]
        if listen:
            command += ["--listen", "127.0.0.1:0"]
        self.errors = open(self.data / "stderr.log", "ab")
        started = time.monotonic()
        self.process = subprocess.Popen([*command, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, env=self.environment,
                                        cwd=self.data, start_new_session=True)
        try:
            self.url = self._wait_ready(ready_timeout_s * PATIENCE)
        except BaseException:
            self.kill()
            raise
        self.ready_s = time.monotonic() - started
        self.port = int(self.url.rsplit(":", 1)[1])

    def _wait_ready(self, timeout_s):
        deadline = time.monotonic() + timeout_s
        text = ""
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.05)[0]:
                part = os.read(self.process.stdout.fileno(), 4096).decode()
                text += part
                for line in text.splitlines():
                    if match := READY.match(line):
                        return match[1]
                if not part:
                    break
        raise NotReady(f"no ready line; exit {self.process.poll()}; stderr:\n{self.log()[-4000:]}")

    def log(self):
        return (self.data / "stderr.log").read_text(errors="replace")

    def launcher(self):
        return Process(self.process.pid)

    def processes(self):
        return [self.launcher(), *descendants(self.process.pid)]

    def engines(self):
        found = []
        for process in descendants(self.process.pid):
            try:
                if process.alive() and "weir-engine" in process.name():
                    found.append(process)
            except OSError:  # it ended while we looked
                continue
        return found

    def stop(self, timeout_s=40.0):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s=40.0):
        code = self.process.wait(timeout_s * PATIENCE)
        self._close_log()
        return code

    def kill(self):
        left = self.processes()
        for process in left:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self._close_log()

    def _close_log(self):
        """What a sanitizer found in any of the processes fails the test that ran them."""
        self.errors.close()
        found = SANITIZER.search(self.log())
        assert found is None, self.log()[max(0, found.start() - 200):][:8000]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.stop(timeout_s=10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stdout.close()


def until(condition, timeout_s=5.0, step_s=0.02):
    """Whether `condition` came true in time."""
    deadline = time.monotonic() + timeout_s * PATIENCE
    while True:
        if condition():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
