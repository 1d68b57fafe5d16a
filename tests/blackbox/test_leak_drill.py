"""The leak drill: canaries in every text position of a request, while everything fails that can fail.

What is labelled above a target's ceiling must not arrive there, counted in the bytes at the fake provider's sockets, and no
canary may stand in a log, in an error or in a file of the data folder. Providers fail in many ways, so there are
retries, open breakers and fallback; the engine, the door, the gateway and the launcher are killed; the
configuration is replaced. What was answered under a high label is asked again as if it were public: its history keeps
the label.
"""

import concurrent.futures
import os
import random
import re
import signal

import httpx
import pytest

import weir_server
from beyond import Beyond, backend, target
from fake_provider import FakeProvider
from talk import long_run

COUNT = 10_000 if long_run() else 200
ROUND = 20  # requests under way together; then something is disturbed
SEED = 20261121
LABELS = ("public", "internal", "personal", "secret")
CEILINGS = {"cloud": 0, "inner": 1, "rack": 3}
MODELS = ("clever", "clever", "clever", "at-cloud", "at-inner", "at-rack")
FAILURES = ("429", "500", "503", "cut", "close", "reset", "missing_end", "wrong_type", "400", "410", "hang_mid")
DISTURBANCES = ("reload", "weir-egress", "weir-engine", "gateway", "launcher", "nothing")
CANARY = re.compile(rb"canary(\d{6})")


def canary(number):
    return f"canary{number:06d}" + " is known to nobody but the one who wrote it" + "!" * 20


def tool(description="looks"):
    return {"type": "function", "function": {"name": "look", "description": description,
                                             "parameters": {"type": "object", "properties": {}}}}


def called(arguments="{}"):
    return {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": arguments}}]}


def answered(text="ok"):
    return {"role": "tool", "tool_call_id": "call_1", "content": text}


USER = {"role": "user", "content": "what is it?"}
# Where the text of a client can stand; the canary stands there and nowhere else.
POSITIONS = {
    "user": lambda text: {"messages": [{"role": "user", "content": text}]},
    "part": lambda text: {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"},
                                                                    {"type": "text", "text": text}]}]},
    "tool result": lambda text: {"messages": [USER, called(), answered(text)], "tools": [tool()]},
    "assistant": lambda text: {"messages": [USER, {"role": "assistant", "content": text}, USER]},
    "system": lambda text: {"messages": [{"role": "system", "content": text}, USER]},
    "arguments": lambda text: {"messages": [USER, called(f'{{"q":"{text}"}}'), answered()], "tools": [tool()]},
    "tool": lambda text: {"messages": [USER], "tools": [tool(text)]},
    "schema": lambda text: {"messages": [USER], "response_format": {"type": "json_schema", "json_schema": {
        "name": "s", "schema": {"type": "object", "description": text}}}},
    "stop": lambda text: {"messages": [USER], "stop": [text]},
    "name of a user": lambda text: {"messages": [USER], "user": text},
}
# Positions whose text is known again in later requests (docs/beyond.md).
REMEMBERED = ("user", "tool result", "assistant")


@pytest.fixture(scope="module")
def providers():
    with FakeProvider() as cloud, FakeProvider() as inner, FakeProvider() as rack:
        yield {"cloud": cloud, "inner": inner, "rack": rack}


def configuration(providers, stories, spare):
    """`spare` only makes one configuration another, so that a reload replaces the door."""
    quick = 'first_byte_timeout = "2s"\ngap_timeout = "2s"\nretries = 1'
    kinds = {"cloud": "openai", "inner": "anthropic", "rack": "ollama"}
    parts = [backend(providers[name], kinds[name], name=name, tier="edge" if name == "rack" else "cloud",
                     ceiling=LABELS[ceiling], more=quick) for name, ceiling in CEILINGS.items()]
    parts += [target(f"at-{name}", f"m-{name}", backend=name) for name in CEILINGS]
    parts.append(target(f"spare-{spare}", backend="cloud"))
    parts.append(f'[model.tiny]\nfile = "{stories}"\ncontext = 512')
    parts.append('[route.clever]\ntargets = ["at-cloud", "at-inner", "tiny", "at-rack"]')
    return "\n".join(parts)


class Drill:
    """One Weir, what was asked of it, and what it answered."""

    def __init__(self, folder, providers, stories):
        self.folder, self.providers, self.stories = folder, providers, stories
        self.dice = random.Random(SEED)
        self.spare = 0
        self.labels = []  # of each request, by its number
        self.answers = []  # (number, status, text)
        self.start()

    def start(self):
        self.weir = Beyond(self.folder, configuration(self.providers, self.stories, self.spare))

    def ask(self, number, body, label):
        try:
            answer = self.weir.post("/v1/chat/completions", body, {"x-weir-label": LABELS[label]})
            return number, answer.status_code, answer.text
        except httpx.HTTPError as error:  # the gateway died under it
            return number, 0, str(error)

    def draw(self):
        """The next request: number, position, body and label."""
        number = len(self.labels)
        self.labels.append(self.dice.randrange(len(LABELS)))
        position = list(POSITIONS)[number % len(POSITIONS)]
        body = POSITIONS[position](canary(number)) | {"model": self.dice.choice(MODELS), "max_tokens": 8,
                                                      "stream": self.dice.random() < 0.5}
        return number, position, body

    def round(self, pool):
        for provider in self.providers.values():
            provider.fail("*", self.dice.choice(FAILURES), times=self.dice.randrange(4))
        drawn = [self.draw() for _ in range(ROUND)]
        asked = [pool.submit(self.ask, number, body, self.labels[number]) for number, _, body in drawn]
        self.disturb(self.dice.choice(DISTURBANCES))
        given = [future.result() for future in asked]
        self.wait_until_it_serves()
        again = [(number, body | {"model": "clever"}) for (number, position, body), (_, status, text) in zip(drawn, given)
                 if position in REMEMBERED and status == 200 and "error" not in text]
        given += pool.map(lambda asked: self.ask(*asked, 0), again)
        self.answers += given

    def disturb(self, what):
        if what == "reload":
            self.spare += 1
            self.weir.config.write_text(configuration(self.providers, self.stories, self.spare))
            self.weir.process.send_signal(signal.SIGHUP)
        elif what == "launcher":
            self.weir.kill()
        for process in self.weir.processes()[1:]:
            if process.name() == ("weir-serve" if what == "gateway" else what):
                try:
                    os.kill(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def wait_until_it_serves(self):
        def serves():
            if self.weir.process.poll() is not None:
                self.start()
            try:
                return self.weir.get("/readyz").status_code == 200
            except httpx.HTTPError:
                return False

        assert weir_server.until(serves, timeout_s=60)


def test_nothing_labelled_reaches_a_target_above_its_ceiling(providers, stories, tmp_path):
    drill = Drill(tmp_path / "weir", providers, stories)
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            while len(drill.labels) < COUNT:
                drill.round(pool)
    finally:
        log = drill.weir.log()
        drill.weir.kill()

    arrived = {name: {int(number) for number in CANARY.findall(provider.everything())}
               for name, provider in providers.items()}
    leaked = [(number, LABELS[label], name) for number, label in enumerate(drill.labels)
              for name, ceiling in CEILINGS.items() if label > ceiling and number in arrived[name]]
    assert not leaked
    assert "canary" not in log
    # Providers and engine do not repeat what they are told.
    assert not [answer for answer in drill.answers if "canary" in answer[2]]
    for file in drill.folder.rglob("*"):
        assert not file.is_file() or b"canary" not in file.read_bytes(), file
    # The drill would prove nothing if nothing had arrived, or nobody had been held back.
    statuses = [status for _, status, _ in drill.answers]
    assert statuses.count(200) > len(statuses) / 3, statuses
    assert statuses.count(403) > len(statuses) / 20, statuses
    for name in CEILINGS:
        assert len(arrived[name]) > COUNT / 40, {name: len(numbers) for name, numbers in arrived.items()}
