"""The leak drill: canaries in every text position of a request, while everything fails that can fail.

What is labelled above a target's ceiling must not arrive there, counted in the bytes at the fake provider's sockets, and no
canary may stand in a log, in an error or in a file of the data folder. Providers fail in many ways, so there are
retries, open breakers and fallback; the engine, the door, the gateway and the launcher are killed; the
configuration is replaced. What was answered under a high label is asked again as if it were public: its history keeps
the label. The same with requests that nobody labels: the detectors alone find what must stay.
"""

import base64
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
BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}")


def canary(number):
    return f"canary{number:06d}" + " is known to nobody but the one who wrote it" + "!" * 20


def canaries_in(provider):
    """Numbers of those that arrived, inside base64 too: providers are sent files so."""
    everything = provider.everything()
    files = b"\n".join(base64.b64decode(run[:len(run) // 4 * 4]) for run in BASE64.findall(everything))
    return {int(number) for number in CANARY.findall(everything + b"\n" + files)}


def tool(description="looks"):
    return {"type": "function", "function": {"name": "look", "description": description,
                                             "parameters": {"type": "object", "properties": {}}}}


def called(arguments="{}"):
    return {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": arguments}}]}


def answered(text="ok"):
    return {"role": "tool", "tool_call_id": "call_1", "content": text}


def file_of(text):
    data = base64.b64encode(f"notes\n\n{text}\n".encode()).decode()
    return {"type": "file", "file": {"filename": "notes.txt", "file_data": f"data:text/plain;base64,{data}"}}


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
    "file": lambda text: {"messages": [{"role": "user", "content": [{"type": "text", "text": "what is it?"}, file_of(text)]}]},
    "name of a user": lambda text: {"messages": [USER], "user": text},
}
CHAT = "/v1/chat/completions"


def few(text, **more):
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 8} | more


# The same in other dialects: the path and the body. Not what a Responses answer repeats: instructions and tools.
ELSEWHERE = {
    "completion": lambda text: ("/v1/completions", {"prompt": text, "max_tokens": 8}),
    "suffix": lambda text: ("/v1/completions", {"prompt": "a", "suffix": text, "max_tokens": 8}),
    "embedding": lambda text: ("/v1/embeddings", {"input": ["a", text]}),
    "file name": lambda text: ("/infill", {"input_prefix": "a", "input_suffix": "b", "n_predict": 8,
                                           "input_extra": [{"filename": text, "text": "a"}]}),
    "message": lambda text: ("/v1/messages", few(text)),
    "system beside messages": lambda text: ("/v1/messages", few("a", system=text)),
    "document": lambda text: ("/v1/messages", few([{"type": "text", "text": "what is it?"}, {
        "type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}}])),
    "tool beside messages": lambda text: ("/v1/messages", few("a", tools=[
        {"name": "look", "description": text, "input_schema": {"type": "object"}}])),
    "responses": lambda text: ("/v1/responses", {"input": text, "max_output_tokens": 16, "store": False}),
    "ollama": lambda text: ("/api/chat", {"messages": few(text)["messages"], "options": {"num_predict": 8}}),
    "ollama system": lambda text: ("/api/generate", {"prompt": "a", "system": text, "options": {"num_predict": 8}}),
    "image address": lambda text: (CHAT, few([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {
        "url": "https://pictures.example/" + text.split()[0]}}])),
    "name of who speaks": lambda text: (CHAT, few("a") | {"messages": [
        {"role": "user", "content": "a", "name": text.split()[0]}]}),
}
STREAMLESS = ("/v1/embeddings",)
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

    def ask(self, number, path, body, label):
        try:
            answer = self.weir.post(path, body, {"x-weir-label": LABELS[label]})
            return number, answer.status_code, answer.text
        except httpx.HTTPError as error:  # the gateway died under it
            return number, 0, str(error)

    def draw(self):
        """The next request: number, position, path and body."""
        number = len(self.labels)
        self.labels.append(self.dice.randrange(len(LABELS)))
        positions = [*POSITIONS, *ELSEWHERE]
        position = positions[number % len(positions)]
        if position in POSITIONS:
            path, body = CHAT, POSITIONS[position](canary(number)) | {"max_tokens": 8}
        else:
            path, body = ELSEWHERE[position](canary(number))
        if path not in STREAMLESS:
            body["stream"] = self.dice.random() < 0.5
        return number, position, path, body | {"model": self.dice.choice(MODELS)}

    def round(self, pool):
        for provider in self.providers.values():
            provider.fail("*", self.dice.choice(FAILURES), times=self.dice.randrange(4))
        drawn = [self.draw() for _ in range(ROUND)]
        asked = [pool.submit(self.ask, number, path, body, self.labels[number]) for number, _, path, body in drawn]
        self.disturb(self.dice.choice(DISTURBANCES))
        given = [future.result() for future in asked]
        self.wait_until_it_serves()
        again = [(number, path, body | {"model": "clever"})
                 for (number, position, path, body), (_, status, text) in zip(drawn, given)
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

    arrived = {name: canaries_in(provider) for name, provider in providers.items()}
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


# What nobody labelled, and its label by what the detectors find; without quotes, since some positions are JSON.
DETECTED = {
    "jane.doe@mail.example.org": 2,
    "jane\\u0040mail.example.org": 2,
    "GB82 WEST 1234 5698 7654 32": 2,
    "SSN 5\u200b36-22-1234": 2,
    "Dear Mr. Kowalczyk": 2,
    "wohnhaft Goethestrasse 12a": 2,
    "AKIA2E3KJ4LM5NPQ6RST": 3,
    "password=Tr0ub4dor-3x": 3,
    "postgres://app:s3cr3tPw@db:5432/x": 3,
    "nothing that anybody has to keep": 0,
}
UNLABELLED = 500_000  # the first of their canaries' numbers


@pytest.fixture
def sound_providers():
    """Without the failures that are left over from the drill above."""
    with FakeProvider() as cloud, FakeProvider() as inner, FakeProvider() as rack:
        yield {"cloud": cloud, "inner": inner, "rack": rack}


def unlabelled(providers, stories):
    text = configuration(providers, stories, 0).replace(f'ceiling = "{LABELS[1]}"', f'ceiling = "{LABELS[2]}"')
    return f'default_label = "public"\n{text}'


def test_what_the_detectors_find_reaches_no_target_above_its_ceiling(sound_providers, stories, tmp_path):
    providers, ceilings = sound_providers, CEILINGS | {"inner": 2}
    weir = Beyond(tmp_path / "weir", unlabelled(providers, stories))
    dice = random.Random(SEED)
    labels, statuses = {}, []

    def ask(body, label, model, later=False):
        """`later`: an answer that others got too may have raised it."""
        answer = weir.post("/v1/chat/completions", body | {"model": model, "max_tokens": 8})
        statuses.append(answer.status_code)
        if answer.status_code == 200:
            assert answer.headers["x-weir-label"] in LABELS[label:(None if later else label + 1)], body
            lines = weir.explain(answer)["explanation"]
            assert label == 0 or any(line.startswith(f"label {LABELS[label]}: detector") for line in lines), lines
            assert not any("canary" in line or "536" in line or "AKIA" in line for line in lines)
        else:
            assert answer.status_code == 403 and "canary" not in answer.text, answer.text
        return answer

    def next_number(label):
        number = UNLABELLED + len(labels)
        labels[number] = label
        return number

    try:
        for position, place in POSITIONS.items():
            if position == "name of a user":  # read by nobody, sent to nobody
                continue
            for value, label in DETECTED.items():
                number = next_number(label)
                body = place(f"{canary(number)} {value} ")
                # A conversation that begins like another one has its label too.
                own = {"role": "user", "content": f"what is it, {number}?"}
                body["messages"] = [own if message == USER else message for message in body["messages"]]
                # Ollama takes no files.
                ask(body, label, dice.choice([model for model in MODELS if position != "file" or model != "at-rack"]))
        # Later turns, with the finding in their history.
        for value, label in DETECTED.items():
            number = next_number(label)
            first = {"role": "user", "content": f"{canary(number)} {value} "}
            said = ask({"messages": [first]}, label, "clever")
            answer = said.json()["choices"][0]["message"]["content"]
            shown = {"role": "assistant", "content": answer}
            ask({"messages": [first, shown, USER]}, label, "clever", later=True)
    finally:
        log = weir.log()
        weir.kill()

    everything = {name: canaries_in(provider) for name, provider in providers.items()}
    leaked = [(number, LABELS[label], name) for number, label in labels.items()
              for name, ceiling in ceilings.items() if label > ceiling and number in everything[name]]
    assert not leaked
    assert "canary" not in log and "Kowalczyk" not in log
    assert statuses.count(200) > len(statuses) / 2 and statuses.count(403) > 5, statuses
    assert len([number for number in everything["cloud"] if number >= UNLABELLED]) >= 5
