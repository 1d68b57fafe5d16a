"""What is measured: each function makes one run against one server and returns numbers by name.

`round_number` makes the text of a run new to both servers, and the same for both in one pair.
"""

import csv
import functools
import http.client
import io
import json
import re
import socket
import threading
import time
import zipfile

import asking
import servers
from intervals import percentile

import weir_server


def checked(answer):
    if answer.error:
        raise RuntimeError(answer.error)
    return answer


def user(text):
    return {"role": "user", "content": text}


def system(text):
    return {"role": "system", "content": text}


def decode(server, round_number):
    """A short prompt and 128 tokens: tokens per second after the first one."""
    answer = checked(asking.chat(server, [user(asking.words(20, f"d{round_number}"))], 128, ignore_eos=True))
    return {"decode tokens/s": answer.decode_rate()}


PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
                                           "tags": {"type": "array", "items": {"type": "string"}}},
          "required": ["name", "age", "tags"], "additionalProperties": False}


def constrained(server, round_number):
    """128 tokens under a schema, by the rate of 128 free ones after the same prompt."""
    messages = [system("You answer in JSON."), user(asking.words(20, f"j{round_number}"))]
    schema = {"type": "array", "items": PERSON, "minItems": 50}
    form = {"type": "json_schema", "json_schema": {"name": "people", "strict": True, "schema": schema}}
    free = checked(asking.chat(server, messages, 128, ignore_eos=True))
    bound = checked(asking.chat(server, messages, 128, response_format=form))
    return {"share of free decoding": bound.decode_rate() / free.decode_rate()}


def source(lines):
    """The beginning of a file that people edit: a part of this harness."""
    return "".join((servers.ROOT / "bench" / "asking.py").read_text().splitlines(keepends=True)[:lines])


def rewriting(round_number):
    return (f"# round {round_number}\n{source(70)}\nWrite this file again, whole and without a comment on it, with the class "
            "Answer called Reply.")


def extraction(round_number):
    people = "; ".join(f"{name}-{round_number} lives at {number} {street} Street and can be reached under 555-01{number}"
                       for number, (name, street) in enumerate(zip(asking.WORDS[:12], asking.WORDS[20:32]), start=10))
    return f"{people}.\n\nList every name with its street and phone number as lines of CSV."


def prose(round_number):
    return f"Tell the story of a {asking.words(3, f'l{round_number}')} and what happened to it, in plain sentences."


def with_lookup(server, round_number, prompt_of, tokens=300):
    """Decoding with drafts from the text itself, by the rate without: a seed asks for steps that do not depend on guesses."""
    if server.name != "weir":
        return {}
    messages = [user(prompt_of(round_number))]
    plain = checked(asking.chat(server, messages, tokens, seed=1))
    drafted = checked(asking.chat(server, messages, tokens))
    return {"times the rate without": drafted.decode_rate() / plain.decode_rate(),
            "tokens/s": drafted.decode_rate(), "same answer": float(drafted.text == plain.text)}


def prefill(server, round_number, tokens=1000):
    """A prompt that nobody has seen, one token out: prompt tokens per second until the answer is there."""
    answer = checked(asking.chat(server, [user(asking.words(tokens, f"p{round_number}"))], 1, ignore_eos=True))
    return {"prefill tokens/s": answer.usage["prompt_tokens"] / answer.first_s}


SENTENCE = re.compile(r"""^\s*\[?(['"])(?P<text>.{40,})\1\]?$""")  # one a line, as the corpus prints an abstract


@functools.cache
def sentences(count=2000):
    """The first distinct sentences of scifact's abstracts."""
    path = weir_server.shared_data() / "retrieval" / "scifact" / "scifact.zip"
    found = {}
    with zipfile.ZipFile(path) as archive, archive.open("corpus_train.csv") as raw:
        for article in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline="")):
            for line in article["abstract"].splitlines():
                if match := SENTENCE.match(line):
                    found[match["text"]] = True
                if len(found) == count:
                    return list(found)
    raise RuntimeError(f"{path} holds {len(found)} sentences of {count}")


def embed(server, round_number, count=2000, batch=100):
    texts = sentences(count)
    started = time.monotonic()
    for start in range(0, count, batch):
        answer = asking.post(server, "/v1/embeddings", {"model": server.model, "input": texts[start:start + batch]})
        if len(answer["data"]) != batch:
            raise RuntimeError(f"{server.name}: {len(answer['data'])} embeddings for {batch} texts")
    return {"embeddings/s": count / (time.monotonic() - started)}


def in_threads(tasks):
    """Runs the functions at the same time; their results in order."""
    results = [None] * len(tasks)

    def run(index):
        results[index] = tasks[index]()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def crowd(server, prompts_of, clients=8, rounds=2, out=32):
    """`clients` at once, each asking `rounds` times in a row; `prompts_of(client, round)` are the messages."""
    def one(client):
        return [asking.chat(server, prompts_of(client, turn), out, ignore_eos=True) for turn in range(rounds)]

    started = time.monotonic()
    answers = [answer for row in in_threads([lambda c=c: one(c) for c in range(clients)]) for answer in row]
    seconds = time.monotonic() - started
    firsts = [answer.first_s for answer in answers if not answer.error]
    gaps = [gap for answer in answers for gap in answer.gaps_s()]
    failed = sum(1 for answer in answers if answer.error)
    cut = sum(1 for answer in answers if not answer.error and answer.usage.get("completion_tokens") != out)
    if not firsts:
        raise RuntimeError(f"{server.name}: every request failed: {answers[0].error}")
    return {"requests/s": (len(answers) - failed) / seconds, "first token p50 s": percentile(firsts, 0.50),
            "first token p95 s": percentile(firsts, 0.95), "gap p99 ms": 1000 * percentile(gaps, 0.99), "failed": failed, "cut short": cut}


def shared_prompt(server, round_number):
    common = system(asking.words(1100, f"s{round_number}"))
    return crowd(server, lambda c, t: [common, user(asking.words(30, f"u{round_number}.{c}.{t}"))])


def own_prompts(server, round_number):
    return crowd(server, lambda c, t: [system(asking.words(1100, f"o{round_number}.{c}.{t}")),
                                       user(asking.words(30, f"v{round_number}.{c}.{t}"))])


def overcommit(server, round_number):
    """24 clients of 760 tokens each at once: more than three times what the cache of 8,192 cells holds."""
    return crowd(server, lambda c, t: [user(asking.words(730, f"c{round_number}.{c}"))], clients=24, rounds=1, out=256)


def gap(server, round_number, foreign_tokens=3000):
    """A running stream while somebody else's long prompt comes in: the gaps between its pieces until that has its
    first token."""
    running = threading.Event()
    foreign = {}

    def watch():
        def on_piece(answer):
            if len(answer.times) == 20:
                foreign["before"] = list(answer.times)
                running.set()
            return "until" in foreign and answer.times[-1] > foreign["until"]
        foreign["started"] = time.monotonic()
        return asking.chat(server, [user(asking.words(20, f"g{round_number}"))], 4000, on_piece=on_piece, ignore_eos=True)

    def disturb():
        if not running.wait(60):
            raise RuntimeError("the stream did not start")
        sent = time.monotonic()
        answer = checked(asking.chat(server, [user(asking.words(foreign_tokens, f"f{round_number}"))], 2, ignore_eos=True))
        foreign["from"] = sent - foreign["started"]
        foreign["until"] = sent + answer.first_s - foreign["started"]
        return answer

    stream, other = in_threads([watch, disturb])
    times = [t for t in stream.times if foreign["from"] - 0.05 <= t <= foreign["until"] + 0.2]
    gaps = [after - before for before, after in zip(times, times[1:])]
    idle = [after - before for before, after in zip(foreign["before"], foreign["before"][1:])]
    return {"gap p99 ms": 1000 * percentile(gaps, 0.99), "gap p50 ms": 1000 * percentile(gaps, 0.5),
            "idle gap p99 ms": 1000 * percentile(idle, 0.99), "foreign first token s": other.first_s}


def after_cancel(server, round_number):
    """A short request after a client left in the middle of a 2,500-token prompt, over the same request when idle."""
    short = [user("Say hello.")]
    checked(asking.chat(server, short, 1))
    idle = checked(asking.chat(server, short, 1)).first_s
    body = json.dumps(asking.chat_body(server, [user(asking.words(2500, f"x{round_number}"))], 1) | {"stream": True})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    time.sleep(1.0)
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    after = checked(asking.chat(server, short, 1)).first_s
    return {"over idle ms": 1000 * (after - idle)}


def warm_first_token(server, round_number):
    """A prefix of 1,500 tokens that was processed before, and 30 new tokens."""
    prefix = asking.words(1480, f"w{round_number}")
    checked(asking.chat(server, [system(prefix), user("Go on.")], 1, ignore_eos=True))
    answer = checked(asking.chat(server, [system(prefix), user(asking.words(18, "next"))], 1, ignore_eos=True))
    return {"first token ms": 1000 * answer.first_s}


def keystroke(server, round_number):
    """An editor: 300 tokens before the cursor that were processed before, one to four new ones, and 20 behind the cursor,
    which stand after the new ones in a prompt that fills in the middle and so are computed again; the median of 20
    keystrokes. A model that was not taught to fill in gets the same tokens as a plain prompt."""
    before, behind = asking.words(290, f"k{round_number}"), asking.words(19, f"behind{round_number}")
    times = []
    for stroke in range(21):
        before += " " + asking.words(1 + stroke % 3, f"{stroke % 10}")
        if "coder" in server.model:
            path, prompt = "/infill", {"input_prefix": before, "input_suffix": behind, "n_predict": 1}
        else:
            path, prompt = "/v1/completions", {"prompt": f"{before}\n{behind}\n", "max_tokens": 1}
        started = time.monotonic()
        asking.post(server, path, {"model": server.model, "temperature": 0, "ignore_eos": True} | prompt)
        times.append(time.monotonic() - started)
    return {"first token ms": 1000 * percentile(times[1:], 0.5)}


def classify(server, round_number):
    """Which of three labels fits a sentence: by scoring them (Weir), by generating one under a grammar (the peer, which
    cannot score); the median of 20 sentences behind one instruction."""
    labels = ["complaint", "praise", "question"]
    instruction = "Is this a complaint, praise or a question? Answer with one word."
    times = []
    for sentence in range(21):
        messages = [system(instruction), user(asking.words(30, f"c{round_number}.{sentence}"))]
        started = time.monotonic()
        if server.name == "weir":
            asking.post(server, "/weir/v1/score", {"model": server.model, "messages": messages, "continuations": labels})
        else:
            grammar = "root ::= " + " | ".join(f'"{label}"' for label in labels)
            asking.post(server, "/v1/chat/completions", asking.chat_body(server, messages, 8, grammar=grammar))
        times.append(time.monotonic() - started)
    return {"ms": 1000 * percentile(times[1:], 0.5)}


def agent_loop(server, round_number, turns=20):
    """Tool results added turn by turn to one growing prompt. The share is that of the tokens that the turn before had
    in its prompt, so all that can be reused."""
    messages = [system(asking.words(300, f"a{round_number}"))]
    cached = reusable = before = 0
    started = time.monotonic()
    for turn in range(turns):
        messages.append(user(asking.words(80, f"r{round_number}.{turn}")))
        answer = checked(asking.chat(server, messages, 8, ignore_eos=True))
        if turn:
            fresh = (answer.usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
            cached, reusable = cached + fresh, reusable + before
        before = answer.usage["prompt_tokens"]
        messages.append({"role": "assistant", "content": asking.words(8, f"y{turn}")})
    return {"seconds": time.monotonic() - started, "cached share": cached / reusable}


def taking_turns(server, round_number):
    """Two conversations of about 4,000 tokens in turns, which the two caches of 8,192 cells just hold: the first token from
    the second turn on, and how many tokens of its prompt a turn computes. What is new in it are some 40."""
    talks = [[system(asking.words(3850, f"t{round_number}.{i}"))] for i in range(2)]
    firsts, computed = [], []
    for turn in range(3):
        for i, talk in enumerate(talks):
            talk.append(user(asking.words(20, f"q{round_number}.{turn}.{i}")))
            answer = checked(asking.chat(server, talk, 4, ignore_eos=True))
            if turn:
                firsts.append(answer.first_s)
                cached = (answer.usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
                computed.append(answer.usage["prompt_tokens"] - cached)
            talk.append({"role": "assistant", "content": "So it is."})
    return {"first token ms": 1000 * percentile(firsts, 0.5), "computed tokens a turn": max(computed)}


def chats_of_a_team(server, round_number):
    """4 clients, chats of 3 turns that share a system prompt of 600 tokens."""
    common = system(asking.words(580, f"m{round_number}"))
    talks = {}

    def prompts_of(client, turn):
        talk = talks.setdefault(client, [common])
        if turn:
            talk.append({"role": "assistant", "content": "So it is."})
        talk.append(user(asking.words(30, f"n{round_number}.{client}.{turn}")))
        return list(talk)

    return crowd(server, prompts_of, clients=4, rounds=3, out=32)


def two_models(small, large, round_number):
    """128 tokens of a model and 64 of a larger one: the time of both at once, by that of one after the other."""
    def ask(server, tokens, text):
        started = time.monotonic()
        checked(asking.chat(server, [user(asking.words(20, text))], tokens, ignore_eos=True))
        return time.monotonic() - started

    tasks = [(small, 128), (large, 64)]
    alone = sum(ask(server, tokens, f"a{round_number}") for server, tokens in tasks)
    started = time.monotonic()
    in_threads([functools.partial(ask, server, tokens, f"b{round_number}") for server, tokens in tasks])
    return {"at once, by in turns": (time.monotonic() - started) / alone, "in turns s": alone}


def first_answer_of_weir(folder, model):
    """Weir runs, the model is not loaded: seconds until one token is there."""
    server = servers.Weir(folder, model)
    try:
        started = time.monotonic()
        checked(asking.chat(server, [user("Say hello.")], 1, ignore_eos=True))
        return {"first answer s": time.monotonic() - started}
    finally:
        server.stop()


def first_answer_of_peer(program, folder, model):
    """llama-server from its start until one token is there."""
    started = time.monotonic()
    server = servers.LlamaServer(program, folder, model, "-c", "8192")
    try:
        checked(asking.chat(server, [user("Say hello.")], 1, ignore_eos=True))
        return {"first answer s": time.monotonic() - started}
    finally:
        server.stop()
