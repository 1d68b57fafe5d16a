"""Documents from elsewhere than a plain folder: web pages, git repositories, folders that go on changing."""

import contextlib
import functools
import http.server
import json
import shutil
import signal
import subprocess
import threading

import pytest

import weir_server
from ingesting import command, ingest, search

pytestmark = pytest.mark.usefixtures("embedding")


@pytest.fixture(scope="module")
def keeper(tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("keeper"), models=weir_server.model_store()) as running:
        yield running


class Site(http.server.BaseHTTPRequestHandler):
    PAGES = {
        "/tides.php?moon=full": ("text/html; charset=utf-8", b"<html><body><nav>Home</nav><main><h1>Tides</h1>"
                                 b"<p>A spring tide follows the full moon.</p></main></body></html>"),
        "/notes": ("text/plain", b"The lighthouse keeper is called Ottoline.\n"),
        "/huge": ("text/plain", None),
    }

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/notes")
            self.end_headers()
            return
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("location", "http://192.0.2.1/secret")
            self.end_headers()
            return
        kind, body = self.PAGES.get(self.path, (None, b""))
        self.send_response(200 if kind else 404)
        self.send_header("content-type", kind or "text/plain")
        self.send_header("content-length", str(60 << 20 if body is None else len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            if body is not None:
                self.wfile.write(body)
            else:
                for _ in range(60):
                    self.wfile.write(b"x" * (1 << 20))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_web_page_is_read_as_what_it_is(keeper, site):
    told = ingest(keeper, f"{site}/tides.php?moon=full", f"{site}/moved")
    assert told["collection"] == "127.0.0.1"
    address = site.removeprefix("http://")
    assert [entry["name"] for entry in told["documents"]] == [f"{address}/tides.php?moon=full.html", f"{address}/moved"]
    assert {entry["status"] for entry in told["documents"]} == {"ready"}, told
    found = search(keeper, "127.0.0.1", "when is a spring tide?")[0]
    assert found["document"].startswith(f"{address}/tides.php") and "Home" not in found["text"]
    assert "Ottoline" in search(keeper, "127.0.0.1", "what is the lighthouse keeper called?")[0]["text"]
    again = ingest(keeper, f"{site}/tides.php?moon=full", f"{site}/moved")
    assert {entry["status"] for entry in again["documents"]} == {"unchanged"}


def test_a_page_that_cannot_be_had_is_named_and_the_rest_goes_on(keeper, site):
    told = ingest(keeper, f"{site}/nothing", f"{site}/elsewhere", f"{site}/huge", "http://example.org/", f"{site}/notes",
                  "--collection", "pages", code=1)
    reasons = [entry.get("reason", entry["status"]) for entry in told["documents"]]
    assert reasons[0] == "page_not_found" and reasons[3] == "address_refused" and reasons[4] == "ready", told
    assert "duplicate" not in reasons and all(entry["message"] for entry in told["documents"][:4]), told
    assert "ready" not in reasons[1:3], told


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_repository_without_what_it_ignores(keeper, tmp_path):
    top = tmp_path / "handbook"
    (top / "build").mkdir(parents=True)
    (top / "harbour.md").write_text("# Harbour\n\nThe crane lifts twelve tonnes.\n")
    (top / "build" / "made.md").write_text("# Made\n\nNobody reads this.\n")
    (top / ".gitignore").write_text("build/\n")
    git = functools.partial(subprocess.run, check=True, capture_output=True, cwd=top)
    git(["git", "init", "-b", "main"])
    git(["git", "add", "."])
    git(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-m", "first"])
    assert [entry["name"] for entry in ingest(keeper, top)["documents"]] == ["handbook/harbour.md"]
    assert len(ingest(keeper, top, "--no-ignore", "--collection", "all")["documents"]) == 2

    cloned = ingest(keeper, f"git+file://{top}", "--collection", "cloned")
    assert [entry["name"] for entry in cloned["documents"]] == ["handbook/harbour.md"]
    assert "twelve" in search(keeper, "cloned", "what can the crane lift?")[0]["text"]
    failed = command(keeper, "ingest", f"git+file://{tmp_path}/nowhere")
    assert failed.returncode == 1 and "git:" in failed.stderr and "nowhere" in failed.stderr, failed.stderr


class Watcher:
    """weir ingest --watch, and what it says."""

    def __init__(self, server, *arguments):
        environment = weir_server.plain_environment(server.data) | {
            "WEIR_DATA": str(server.data), "WEIR_MODELS": str(weir_server.model_store())}
        self.process = subprocess.Popen([weir_server.WEIR, "ingest", "--json", "--watch", *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.first = self.next()

    def next(self):
        timer = threading.Timer(120 * weir_server.PATIENCE, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def test_a_watched_folder_is_gone_on_with(keeper, tmp_path):
    folder = tmp_path / "logbook"
    folder.mkdir()
    (folder / "monday.md").write_text("# Monday\n\nThe ferry was late.\n")
    with Watcher(keeper, folder, "--prune") as watcher:
        assert [entry["status"] for entry in watcher.first["documents"]] == ["ready"]
        (folder / "deep").mkdir()
        (folder / "deep" / "tuesday.md").write_text("# Tuesday\n\nA walrus moved into the boathouse.\n")
        # A new folder is looked through at once, maybe before its file has a word in it.
        while (told := watcher.next())["status"] != "ready":
            assert told["reason"] == "empty_document", told
        assert told["name"] == "logbook/deep/tuesday.md"
        assert "walrus" in search(keeper, "logbook", "who moved into the boathouse?")[0]["text"]

        (folder / "monday.md").write_text("# Monday\n\nThe ferry was on time after all.\n")
        changed = watcher.next()
        assert (changed["name"], changed["status"]) == ("logbook/monday.md", "ready")

        aside = folder / ".monday.new"  # as editors save
        aside.write_text("# Monday\n\nThe ferry sank.\n")
        aside.rename(folder / "monday.md")
        assert watcher.next()["status"] == "ready"
        assert "sank" in search(keeper, "logbook", "what became of the ferry?")[0]["text"]

        (folder / "empty.md").write_text("")
        assert (told := watcher.next())["reason"] == "empty_document", told
        (folder / "deep" / "tuesday.md").unlink()
        assert watcher.next() == {"name": "logbook/deep/tuesday.md", "status": "removed", "chunks": 0, "embedded": 0}
        assert all("walrus" not in found["text"] for found in search(keeper, "logbook", "who moved into the boathouse?"))

        watcher.process.send_signal(signal.SIGINT)
        assert watcher.process.wait(60) == 0
    again = ingest(keeper, folder, code=1)
    assert {entry["name"]: entry["status"] for entry in again["documents"]}["logbook/monday.md"] == "unchanged"


def test_watching_needs_something_to_watch(keeper, site):
    refused = command(keeper, "ingest", "--watch", f"{site}/notes")
    assert refused.returncode == 2 and "--watch" in refused.stderr
