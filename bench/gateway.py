#!/usr/bin/env python3
"""What a request pays for going through Weir (`make bench-gateway`): one provider on loopback, asked directly, through nginx,
haproxy, Portkey and LiteLLM, and through Weir, in turns.

  bench/gateway.py [--rounds N] [--only TEXT] [--peers nginx,haproxy,portkey,litellm] [--output DIR]

Added latency is the median of a request through a gateway less that of one asked directly in the same round; `pinned` puts
every process on one processor, so that no wake-up of another counts. Weir has labels, routing, prices and the ledger on. nginx
and haproxy are Debian's; Portkey (npm) and LiteLLM (PyPI) are installed below build/env/peers on first use. What is not there is
left out and said. Results as Markdown and JSON under build/bench/.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
sys.path.insert(0, str(ROOT / "tests"))
import servers  # noqa: E402
import weir_server  # noqa: E402

PROGRAMS = ROOT / "build" / "bin"
PEERS = ROOT / "build" / "env" / "peers"
PORTKEY, LITELLM = "@portkey-ai/gateway@1.15.2", "litellm[proxy]==1.106.2"
LABEL = {"x-weir-label": "public", "x-weir-user": "bench"}

CONFIGURATION = """
[[backend]]
name = "rack"
kind = "openai"
tier = "edge"
url = "http://127.0.0.1:{port}/v1"
concurrency = 64

"""

TARGET = """
[[target]]
name = "{name}"
backend = "rack"
model = "{name}"
context = 100000
tools = true
price = {{ currency = "USD", input_per_million = 1, output_per_million = 2 }}
"""

NGINX = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""

HAPROXY = """
global
  nbthread {workers}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:{port}
  default_backend mock
backend mock
  http-reuse always
  server mock 127.0.0.1:{upstream}
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def pinned(processor):
    """For Popen: the program and all that it starts, on one processor; None: anywhere."""
    return None if processor is None else lambda: os.sched_setaffinity(0, {processor})


class Program:
    """A program that serves HTTP on a port of its own; ended with the block."""

    def __init__(self, name, command, port, processor, log, environment=None):
        self.name, self.port = name, port
        self.log = open(log, "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        preexec_fn=pinned(processor), env=environment, start_new_session=True)
        deadline = time.monotonic() + 120
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"{name} did not start; its log is {log}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)

    def pids(self):
        return family(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
        self.log.close()


def family(pid):
    """A process and all that it has started."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if entry.name.isdigit():
                parents.setdefault(int((entry / "stat").read_text().rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


class Weir:
    """weir serve as its users start it, with a backend."""
    name = "weir"

    def __init__(self, folder, upstream, processor):
        folder.mkdir(parents=True)
        config = folder / "weir.toml"
        config.write_text(CONFIGURATION.format(port=upstream) + "".join(TARGET.format(name=name) for name in MODELS.values()))
        before = os.sched_getaffinity(0)
        if processor is not None:
            os.sched_setaffinity(0, {processor})  # what is started inherits it
        try:
            self.running = weir_server.Weir(folder, "--config", str(config), models=folder / "no-models")
        finally:
            os.sched_setaffinity(0, before)
        self.port = self.running.port

    def pids(self):
        return [process.pid for process in self.running.processes()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.__exit__()


@contextlib.contextmanager
def upstream_on(processor):
    process = subprocess.Popen([PROGRAMS / "gateway_upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=pinned(processor))
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.kill()
        process.wait()


def find(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def portkey(folder, upstream, processor):
    program = PEERS / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not program.exists():
        PEERS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", PEERS, PORTKEY], check=True)
    port = servers.free_port()
    return Program("portkey", ["node", program, f"--port={port}", "--headless"], port, processor, folder / "portkey.log",
                   os.environ | {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"})


def litellm(folder, upstream, processor):
    program = PEERS / "litellm" / "bin" / "litellm"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS / "litellm"], check=True)
        subprocess.run([PEERS / "litellm" / "bin" / "pip", "install", "--quiet", LITELLM], check=True)
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": name, "litellm_params": {
        "model": f"openai/{name}", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none"}} for name in MODELS.values()]}))
    port = servers.free_port()
    return Program("litellm", [program, "--config", config, "--host", "127.0.0.1", "--port", str(port)], port, processor,
                   folder / "litellm.log", os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"})


def configured(name, text, command):
    """A proxy of Debian's with a configuration file."""
    def start(folder, upstream, processor):
        program = find(name)
        if program is None:
            raise RuntimeError(f"{name} is not installed (apt-get install {name})")
        port = servers.free_port()
        config = folder / f"{name}.conf"
        config.write_text(text.format(folder=folder, port=port, upstream=upstream,
                                      workers=1 if processor is not None else os.cpu_count()))
        return Program(name, [program, *command, config], port, processor, folder / f"{name}.out")
    return start


STARTERS = {
    "nginx": configured("nginx", NGINX, ["-c"]), "haproxy": configured("haproxy", HAPROXY, ["-f"]),
    "portkey": portkey, "litellm": litellm,
    "weir": lambda folder, upstream, processor: Weir(folder / "weir", upstream, processor),
}

# Weir asks providers for streams, also where its client does not.
MODELS = {False: "mock", True: "slow"}
TALK = "Tell me about the river that rises in the hills and runs to the sea past the old mill. " * 10  # with its frame 1 KiB


def openai(stream):
    return "/v1/chat/completions", {"model": MODELS[stream], "messages": [{"role": "user", "content": TALK}], "stream": stream}


DIALECTS = {
    "openai": openai,
    "responses": lambda stream: ("/v1/responses", {"model": MODELS[stream], "input": TALK, "stream": stream, "store": False}),
    "anthropic": lambda stream: ("/v1/messages", {"model": MODELS[stream], "max_tokens": 500, "stream": stream,
                                                  "messages": [{"role": "user", "content": TALK}]}),
    "ollama": lambda stream: ("/api/chat", {"model": MODELS[stream], "stream": stream,
                                            "messages": [{"role": "user", "content": TALK}]}),
}


def request_of(server_name, dialect, stream, upstream):
    path, body = DIALECTS[dialect](stream)
    text = json.dumps(body)
    headers = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(text)),
               "authorization": "Bearer none"} | LABEL
    if server_name == "portkey":
        headers |= {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}
    return f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n" + text


def load(port, request, connections, requests, processor):
    done = subprocess.run([PROGRAMS / "gateway_load", str(port), str(connections), str(requests)], input=request,
                          capture_output=True, text=True, timeout=300, preexec_fn=pinned(processor))
    if done.returncode != 0:
        raise RuntimeError(f"{done.stderr[:300]}")
    return json.loads(done.stdout)


def cpu_seconds(pids):
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_mib(pids):
    """What the processes do not share with others, and their part of what they do."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(next(line for line in rollup.splitlines() if line.startswith("Pss:")).split()[1])
    return total / 1024


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.samples, self.left_out, self.rows = {}, {}, []
        self.folders = 0

    @contextlib.contextmanager
    def all_up(self, processor):
        """The provider and every gateway, started; (upstream's port, {name: server})."""
        self.folders += 1
        folder = self.folder / str(self.folders)
        folder.mkdir()
        with upstream_on(processor) as upstream, contextlib.ExitStack() as stack:
            running = {}
            for name in [*self.options.peers, "weir"]:
                try:
                    running[name] = stack.enter_context(STARTERS[name](folder, upstream, processor))
                except (RuntimeError, OSError, subprocess.CalledProcessError) as failure:
                    self.left_out[name] = str(failure)
                    say(f"  left out: {name}: {failure}")
            yield upstream, running

    def warm_up(self, subject, stream, upstream, connections, requests, processor):
        """Whether it answers at all."""
        name, dialect, port, _ = subject
        try:
            load(port, request_of(name, dialect, stream, upstream), connections, max(connections, requests // 10), processor)
        except (RuntimeError, subprocess.TimeoutExpired) as failure:
            if name in ("directly", "weir"):
                raise
            self.left_out[name] = f"does not answer: {' '.join(str(failure).split())[:200]}"
            say(f"  left out: {name}")
            return False
        return True

    def measure(self, what, connections, requests, processor, stream=False, dialects=("openai",)):
        """{server and dialect: {number: [a value of each round]}}, directly asked included."""
        if self.options.only not in what:
            return None
        say(what)
        numbers, extra = {}, {}
        with self.all_up(processor) as (upstream, running):
            subjects = [("directly", "openai", upstream, None)]
            subjects += [(name, dialect, server.port, server) for name, server in running.items()
                         for dialect in (dialects if name == "weir" else ("openai",))]
            subjects = [subject for subject in subjects if self.warm_up(subject, stream, upstream, connections, requests, processor)]
            for round_number in range(self.options.rounds):
                turn = subjects if round_number % 2 == 0 else subjects[::-1]
                for name, dialect, port, server in turn:
                    # Slow ones get fewer: their figures are steady, and a round would be theirs alone.
                    few = max(connections, requests // 20) if name in ("portkey", "litellm") else requests
                    before = cpu_seconds(server.pids()) if server else 0
                    found = load(port, request_of(name, dialect, stream, upstream), connections, few, processor)
                    if server:
                        found["cpu us"] = (cpu_seconds(server.pids()) - before) / few * 1e6
                    for number, value in found.items():
                        numbers.setdefault((name, dialect), {}).setdefault(number, []).append(value)
            for name, _, _, server in subjects:
                if server:
                    extra[name] = memory_mib(server.pids())
            with urllib.request.urlopen(f"http://127.0.0.1:{upstream}/stats", timeout=10) as answer:
                self.pool = json.load(answer)
        for (name, dialect), values in numbers.items():
            self.rows.append({"what": what, "through": name, "dialect": dialect, "memory MiB": extra.get(name),
                              **{number: statistics.median(series) for number, series in values.items()},
                              "rounds": values})
        return numbers


def added(numbers, subject, number):
    """The median over the rounds of what the way through costs more than the direct one."""
    direct = numbers[("directly", "openai")][number]
    return statistics.median(through - straight for through, straight in zip(numbers[subject][number], direct))


def share(numbers, subject, other, number):
    return statistics.median(a / b for a, b in zip(numbers[subject][number], numbers[other][number]))


def goals(bench, latency, crowd, stream):
    """(what, measured, goal, met) of the figures that are asked for."""
    rows = []

    def row(what, value, goal, met):
        rows.append((what, value, goal, "yes" if met else "**no**"))

    weir, nginx = ("weir", "openai"), ("nginx", "openai")
    if latency and nginx in latency:
        over = added(latency, weir, "p50 us") - added(latency, nginx, "p50 us")
        row("added latency over nginx's, p50, one connection, pinned", f"{over:.0f} us", "at most 55 us", over <= 55)
        ratio = share(latency, weir, nginx, "p99 us")
        row("p99 by nginx's", f"{ratio:.2f}", "at most 2.5", ratio <= 2.5)
        for subject in latency:
            if subject[0] == "weir" and subject != weir:
                over = added(latency, subject, "p50 us") - added(latency, nginx, "p50 us")
                row(f"the same, {subject[1]} to OpenAI", f"{over:.0f} us", "at most 55 us", over <= 55)
    if crowd:
        for name, least in (("nginx", 0.35), ("portkey", 7), ("litellm", 30)):
            if (name, "openai") in crowd:
                ratio = share(crowd, weir, (name, "openai"), "requests/s")
                row(f"requests/s at 32 connections, by {name}'s", f"{ratio:.2f}", f"at least {least}", ratio >= least)
        memory = next(r["memory MiB"] for r in bench.rows if r["through"] == "weir" and "32" in r["what"])
        row("launcher, gateway and egress after that", f"{memory:.1f} MiB", "under 40 MiB", memory < 40)
    if stream and nginx in stream:
        over = added(stream, weir, "first p50 us") - added(stream, nginx, "first p50 us")
        row("time to the first event over nginx's, pinned", f"{over:.0f} us", "at most 60 us", over <= 60)
        late, early = added(stream, weir, "late p50 us"), added(stream, weir, "early p50 us")
        row("an event's added time, late half of the stream by early half", f"{late:.0f} / {early:.0f} us",
            "no growth (1.25 times, or 5 us)", late <= max(1.25 * early, early + 5))
    return rows


def pool_row(bench):
    """10,000 requests: how many connections the provider has seen from Weir alone."""
    if bench.options.only not in "the pool":
        return []
    say("the pool")
    folder = bench.folder / "pool"
    folder.mkdir()
    with upstream_on(None) as upstream, Weir(folder / "weir", upstream, None) as weir:
        load(weir.port, request_of("weir", "openai", False, upstream), 128, 10_000, None)
        with urllib.request.urlopen(f"http://127.0.0.1:{upstream}/stats", timeout=10) as answer:
            stats = json.load(answer)
    seen, most = stats["accepted"] - 1, stats["open_max"] - 1  # ours is one of them
    return [("connections for 10,000 requests of 128 clients, open at most", f"{seen}, {most}", "64 configured",
             "yes" if seen <= 64 else "**no**")]


def markdown(bench, rows):
    lines = ["# A request through gateways", "", "; ".join(f"{k} {v}" for k, v in servers.machine().items()), "",
             "| figure | measured | goal | met |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    columns = ["requests/s", "p50 us", "p99 us", "first p50 us", "early p50 us", "late p50 us", "cpu us", "memory MiB"]
    lines += ["", f"Medians of {bench.options.rounds} rounds in turns:", "",
              f"| what | through | dialect | {' | '.join(columns)} |", "|" + "---|" * (3 + len(columns))]
    for row in bench.rows:
        cells = [f"{row[c]:.1f}" if row.get(c) else "" for c in columns]
        lines.append(f"| {row['what']} | {row['through']} | {row['dialect']} | {' | '.join(cells)} |")
    lines += [""] + [f"- left out: {name}: {why}" for name, why in bench.left_out.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="What a request pays for going through Weir.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="measures whose name contains this")
    parser.add_argument("--peers", default="nginx,haproxy,portkey,litellm", type=lambda text: [p for p in text.split(",") if p])
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        bench = Bench(options, pathlib.Path(folder))
        latency = bench.measure("one connection, pinned", 1, 2000, 0, dialects=tuple(DIALECTS))
        crowd = bench.measure("32 connections", 32, 6000, None)
        stream = bench.measure("a stream of 64 events, pinned", 1, 20, 0, stream=True)
        rows = goals(bench, latency, crowd, stream) + pool_row(bench)
    text = markdown(bench, rows)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "gateway.md").write_text(text)
    (options.output / "gateway.json").write_text(json.dumps({"machine": servers.machine(), "goals": rows, "rows": bench.rows,
                                                             "left_out": bench.left_out}, indent=1))
    print(text)
    return 0 if bench.rows or rows else 1


if __name__ == "__main__":
    sys.exit(main())
