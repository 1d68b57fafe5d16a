"""Servers that speak the protocols that models are fetched by, and misbehave when told to.

One Hub answers as Hugging Face (api/models, resolve), as Ollama's registry (v2/...) and as a plain web server (/files/).
What it has, and how it fails, are plain attributes; what it was asked is kept.
"""

import hashlib
import http.server
import json
import struct
import threading
import time


def gguf(size=0, seed=0, architecture="llama"):
    """A small model that the inspector takes, padded with random weights to about `size` bytes."""

    def text(value):
        data = value.encode() if isinstance(value, str) else value
        return struct.pack("<Q", len(data)) + data

    def pair(key, kind, value):
        return text(key) + struct.pack("<I", kind) + value

    def u32(key, value):
        return pair(key, 4, struct.pack("<I", value))

    tokens = ["<unk>", "<s>", "</s>", "<0x0A>", "a", "b", "ab", "c"]
    columns = max(2, (size + 63) // 64)
    pairs = [
        pair("general.architecture", 8, text(architecture)), pair("general.name", 8, text(f"Tiny {seed}")),
        u32("general.file_type", 0), u32("llama.block_count", 2), u32("llama.context_length", 128),
        u32("llama.embedding_length", 16), u32("llama.feed_forward_length", 32),
        u32("llama.attention.head_count", 4), u32("llama.attention.head_count_kv", 2),
        u32("llama.rope.dimension_count", 4),
        pair("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5)),
        pair("tokenizer.ggml.model", 8, text("llama")),
        pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, len(tokens)) + b"".join(map(text, tokens))),
        pair("tokenizer.ggml.scores", 9, struct.pack("<IQ8f", 6, 8, 0, 0, 0, 0, -1, -2, -3, -4)),
        pair("tokenizer.ggml.token_type", 9, struct.pack("<IQ8i", 5, 8, 2, 3, 3, 6, 1, 1, 1, 1)),
        u32("tokenizer.ggml.bos_token_id", 1), u32("tokenizer.ggml.eos_token_id", 2),
    ]
    tensors = [("token_embd.weight", (16, 8)), ("blk.0.ffn_up.weight", (16, columns))]
    infos, offset = b"", 0
    for name, shape in tensors:
        infos += text(name) + struct.pack("<IQQIQ", 2, *shape, 0, offset)
        offset += -(-shape[0] * shape[1] * 4 // 32) * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + infos
    head += bytes(-len(head) % 32)
    block = hashlib.sha256(str(seed).encode()).digest()
    weights = (block * (offset // len(block) + 1))[:offset]
    return head + weights


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Hub:
    """A context manager; `url` while it runs."""

    def __init__(self, host="127.0.0.1"):
        self.files = {}  # path behind /files/, or "owner/repo/FILE" -> bytes
        self.repositories = {}  # "owner/repo" -> list of file names
        self.tags = {}  # "library/name:tag" -> manifest
        self.blobs = {}  # digest -> bytes
        self.commit = "0123456789abcdef0123456789abcdef01234567"
        self.licence = "apache-2.0"
        self.seen = []  # (path, authorization, range)
        self.lock = threading.Lock()
        # How it misbehaves.
        self.status = {}  # path -> (status, headers)
        self.cut_after = None  # bytes of a body after which the connection is closed
        self.cuts = 10**9  # how often
        self.ranges = True
        self.announce_length = True
        self.redirect_files_to = None  # base address
        self.corrupt = False
        self.endless = False
        self.stall_after = None
        self.delay_s = 0.0  # for each 64 KiB
        self.etag = True
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                with hub.lock:
                    hub.seen.append((self.path, self.headers.get("Authorization"), self.headers.get("Range")))
                try:
                    hub.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server((host, 0), Handler)
        self.url = f"http://{host}:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    # What it has.

    def add_repository(self, repository, files):
        self.repositories[repository] = list(files)
        for name, data in files.items():
            self.files[f"{repository}/{name}"] = data

    def add_tag(self, name, model, **layers):
        def layer(kind, data):
            digest = "sha256:" + sha256(data)
            self.blobs[digest] = data
            return {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": len(data)}

        self.tags[name] = {"schemaVersion": 2, "layers": [
            layer("model", model), *(layer(kind, data) for kind, data in layers.items())]}

    # How it answers.

    def small(self, request, status, body=b"", **headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request):
        path = request.path.split("?")[0]
        for prefix, (status, headers) in self.status.items():
            if path.startswith(prefix):
                return self.small(request, status, b"no", **headers)
        if path.startswith("/api/models/"):
            return self.answer_repository(request, path.removeprefix("/api/models/").removesuffix("/revision/main"))
        if path.startswith("/v2/"):
            return self.answer_registry(request, path.removeprefix("/v2/"))
        if "/resolve/" in path:
            repository, rest = path[1:].split("/resolve/")
            return self.answer_file(request, f"{repository}/{rest.split('/', 1)[1]}")
        return self.answer_file(request, path.removeprefix("/files/"))

    def answer_repository(self, request, repository):
        if repository not in self.repositories:
            return self.small(request, 404, b"{}")
        siblings = []
        for name in self.repositories[repository]:
            data = self.files.get(f"{repository}/{name}", b"")
            siblings.append({"rfilename": name, "size": len(data),
                             "lfs": {"sha256": sha256(data), "size": len(data)}})
        body = {"sha": self.commit, "cardData": {"license": self.licence}, "siblings": siblings}
        return self.small(request, 200, json.dumps(body).encode(), Content_Type="application/json")

    def answer_registry(self, request, path):
        if "/manifests/" in path:
            name, tag = path.split("/manifests/")
            if f"{name}:{tag}" not in self.tags:
                return self.small(request, 404, b"{}")
            return self.small(request, 200, json.dumps(self.tags[f"{name}:{tag}"]).encode())
        digest = path.split("/blobs/")[1]
        if digest not in self.blobs:
            return self.small(request, 404)
        return self.send(request, self.blobs[digest])

    def answer_file(self, request, name):
        if self.redirect_files_to:
            return self.small(request, 302, Location=f"{self.redirect_files_to}/files/{name}")
        if name not in self.files:
            return self.small(request, 404)
        return self.send(request, self.files[name])

    def send(self, request, data):
        etag = f'"{sha256(data)[:16]}"' if self.etag else None
        if self.corrupt:
            data = data[:-8] + b"\xff" * 8
        first, last, status = 0, len(data) - 1, 200
        asked = request.headers.get("Range")
        if_range = request.headers.get("If-Range")
        if asked and self.ranges and if_range in (None, etag):
            start, end = asked.removeprefix("bytes=").split("-")
            first, last, status = int(start), min(int(end or last), last), 206
        body = memoryview(data)[first:last + 1]
        request.send_response(status)
        if etag:
            request.send_header("ETag", etag)
        if status == 206:
            request.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        if self.announce_length and not self.endless:
            request.send_header("Content-Length", str(len(body)))
        else:
            request.send_header("Connection", "close")
            request.close_connection = True
        request.end_headers()
        self.send_body(request, body)

    def send_body(self, request, body):
        sent = 0
        for start in range(0, len(body), 65536):
            block = body[start:start + 65536]
            if self.cut_after is not None and sent + len(block) > self.cut_after and self.cuts > 0:
                self.cuts -= 1
                request.wfile.write(block[:self.cut_after - sent])
                request.close_connection = True
                request.wfile.flush()
                request.connection.close()
                return
            if self.stall_after is not None and sent >= self.stall_after:
                time.sleep(3600)
            request.wfile.write(block)
            sent += len(block)
            if self.delay_s:
                time.sleep(self.delay_s)
        while self.endless:
            request.wfile.write(bytes(65536))
