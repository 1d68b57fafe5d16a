"""A model server of somebody else, as Weir runs it for a [[backend]] with a `command`: a program of its own.

  python tests/edge_server.py PORT FOLDER [WORD...]

Files in FOLDER steer it while it runs:

  loading   its health is 503 while this is there
  hang      nothing is answered any more
  crash     the next start says so and ends with 3; the next question of a running one ends it
  stubborn  SIGTERM is ignored (looked at when it starts)
  shout     it writes many lines when it starts

What it writes beside: `starts` (a line for each start: its process id and its words), `worker` (the id of a process
that it started), `environment`.
"""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

PORT, FOLDER, WORDS = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]


def told(name):
    return (FOLDER / name).exists()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def obey(self):
        while told("hang"):
            time.sleep(0.05)
        if told("crash"):
            os.abort()

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.obey()
        if self.path == "/health":
            self.answer(503 if told("loading") else 200, {})
        else:
            self.answer(200, {"object": "list", "data": [{"id": "edge-model", "object": "model"}]})

    def do_POST(self):
        self.obey()
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = body["messages"][-1]["content"]
        print(f"a request came: {text}", flush=True)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        for more in ({"choices": [{"index": 0, "delta": {"role": "assistant", "content": " ".join(["edge", *WORDS])}}]},
                     {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                     {"choices": [], "usage": usage}):
            self.wfile.write(b"data: " + json.dumps(head | more).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")


def main():
    with open(FOLDER / "starts", "a") as starts:
        starts.write(" ".join([str(os.getpid()), *WORDS]) + "\n")
    (FOLDER / "environment").write_text("\n".join(sorted(os.environ)))
    if told("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if told("shout"):
        print("\n".join(f"loading shard {i}" for i in range(100_000)), flush=True)
    print("edge server: loading the model", flush=True)
    if told("crash"):
        sys.exit(3)
    worker = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    (FOLDER / "worker").write_text(str(worker.pid))
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    server.daemon_threads = True
    server.serve_forever()


main()
