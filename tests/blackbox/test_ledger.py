"""What answers cost: the ledger, budgets that hold, and what a crash leaves of them."""

import concurrent.futures
import csv
import io
import json
import os
import signal
import subprocess
import threading
from decimal import Decimal

import httpx
import pytest

import weir_server
from beyond import HTTP, Beyond, backend, ended_well, target
from fake_provider import Answer
from talk import long_run

PRICE = """price = { currency = "USD", input_per_million = 5.00, cached_input_per_million = 0.50, \
output_per_million = "30" }"""
# 8 fresh tokens, 3 cached ones and 7 of the answer, as the fake provider counts.
COST = (8 * Decimal(5) + 3 * Decimal("0.5") + 7 * Decimal(30)) / 1_000_000
PUBLIC = {"x-weir-label": "public"}

pytestmark = pytest.mark.usefixtures("fresh_provider")


@pytest.fixture
def beyond(tmp_path):
    running = []

    def start(*parts, folder="weir", **settings):
        weir = Beyond(tmp_path / folder, "\n".join(parts), **settings)
        running.append(weir)
        return weir

    yield start
    for weir in running:
        weir.__exit__()


def priced(name, price=PRICE):
    return target(name) + price + "\n"


def command(data, *words):
    return subprocess.run([weir_server.WEIR, *words, "--data", str(data)], capture_output=True, text=True, input="",
                          env=weir_server.plain_environment(data), timeout=60 * weir_server.PATIENCE)


def ledger(weir, *arguments):
    done = command(weir.data, "ledger", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def total(weir):
    return json.loads(ledger(weir, "--json"))["total"]


def budget(weir, name="team"):
    return weir.get(f"/weir/v1/budgets/{name}").json()["data"][0]


@pytest.mark.parametrize("dialect", ("openai", "anthropic", "gemini", "ollama"))
def test_an_answer_says_what_it_cost_and_the_ledger_agrees(provider, beyond, dialect):
    weir = beyond(backend(provider, dialect), priced("big"))
    answer = weir.ask("big", headers=PUBLIC)
    assert answer.status_code == 200, (answer.text, weir.log())
    whole = answer.json()
    tokens = Answer()
    fresh = tokens.prompt_tokens - whole["usage"].get("prompt_tokens_details", {}).get("cached_tokens", 0)
    expected = (fresh * Decimal(5) + (tokens.prompt_tokens - fresh) * Decimal("0.5") +
                tokens.completion_tokens * Decimal(30)) / 1_000_000
    assert Decimal(whole["weir"]["cost"]) == expected
    assert whole["weir"]["currency"] == "USD"
    stream = weir.ask("big", stream=True, headers=PUBLIC)
    assert ended_well(stream)
    sums = total(weir)
    assert (sums["entries"], sums["served"], sums["unpriced"], sums["estimated"]) == (2, 2, 0, 0)
    assert Decimal(sums["cost"]["USD"]) == 2 * expected


def test_what_has_no_price_is_unpriced_and_not_zero(provider, beyond):
    weir = beyond(backend(provider), target("big"))
    answer = weir.ask("big", headers=PUBLIC).json()
    assert answer["weir"]["cost"] is None and "currency" not in answer["weir"]
    sums = total(weir)
    assert sums["unpriced"] == 1 and sums["cost"] == {}


def test_currencies_stand_beside_each_other(provider, beyond):
    weir = beyond(backend(provider), priced("dollars"),
                  priced("euros", 'price = { currency = "EUR", input_per_million = 1, output_per_million = 1 }'))
    for name in ("dollars", "euros", "euros"):
        weir.ask(name, headers=PUBLIC)
    assert {c: Decimal(v) for c, v in total(weir)["cost"].items()} == {"USD": COST, "EUR": Decimal(36) / 1_000_000}
    row, = csv.DictReader(io.StringIO(ledger(weir, "--csv")))
    assert (Decimal(row["cost_USD"]), Decimal(row["cost_EUR"])) == (COST, Decimal(36) / 1_000_000)
    rows = {row["target"]: row for row in csv.DictReader(io.StringIO(ledger(weir, "--by", "target", "--csv")))}
    assert Decimal(rows["dollars"]["cost_USD"]) == COST and rows["dollars"]["cost_EUR"] == ""


def test_the_ledger_is_read_by_every_grouping_with_and_without_a_server(provider, beyond):
    weir = beyond(backend(provider), priced("big"))
    headers = PUBLIC | {"x-weir-project": "hr", "x-weir-user": "=anna, \"the first\""}
    weir.ask("big", headers=headers)
    groupings = ("day", "key", "project", "tenant", "user", "model", "target", "tier", "label", "task", "status")
    names = {by: json.loads(ledger(weir, "--by", by, "--json"))["lines"][0]["name"] for by in groupings}
    assert names["project"] == "hr" and names["label"] == "public" and names["status"] == "served"
    rows = list(csv.DictReader(io.StringIO(ledger(weir, "--by", "user", "--csv"))))
    assert rows[0]["user"].startswith("'=anna") and Decimal(rows[0]["cost_USD"]) == COST
    assert "unpriced" in ledger(weir)
    entry = json.loads(ledger(weir, "--entries", "5", "--json"))[0]
    assert Decimal(entry["cost"]) == COST and entry["prompt_tokens"] == 11 and entry["price"]
    assert command(weir.data, "ledger", "--by", "moon").returncode == 2
    since = json.loads(ledger(weir, "--since", "1h", "--json"))
    weir.__exit__()
    offline = json.loads(ledger(weir, "--since", "1h", "--json"))
    assert offline["total"] == since["total"]


def test_an_answer_that_is_left_or_breaks_is_settled(provider, beyond):
    weir = beyond(backend(provider, more='gap_timeout = "60s"\nretries = 0'), priced("big"), priced("cut"))
    provider.fail("cut", "cut")
    assert not ended_well(weir.ask("cut", stream=True, headers=PUBLIC))
    provider.fail("big", "hang_mid")
    body = {"model": "big", "stream": True, "messages": [{"role": "user", "content": "hi " * 50}]}
    with httpx.stream("POST", f"{weir.url}/v1/chat/completions", headers=PUBLIC, json=body, trust_env=False) as left:
        next(left.iter_bytes())
    assert weir_server.until(lambda: total(weir)["entries"] == 2)
    sums = total(weir)
    assert (sums["failed"], sums["cancelled"], sums["estimated"]) == (1, 1, 2)
    assert Decimal(sums["cost"]["USD"]) > 0


def test_an_error_status_costs_nothing(provider, beyond):
    weir = beyond(backend(provider, more="retries = 0"), priced("big"))
    provider.fail("big", "500")
    assert weir.ask("big", headers=PUBLIC).status_code >= 500
    sums = total(weir)
    assert sums["failed"] == 1 and sums["unpriced"] == 0 and sums["cost"] == {"USD": "0"}


HARD = '[budget.team]\nkeys = ["*"]\nper_day = {}\nhard = true\n'


def test_what_no_day_can_pay_is_not_told_to_wait(provider, beyond):
    weir = beyond(backend(provider), priced("big"), HARD.format('"0.000001"'), "[route.auto]\ntargets = ['big']")
    for model in ("big", "auto"):
        answer = weir.ask(model, headers=PUBLIC, max_tokens=10)
        assert answer.status_code == 429 and answer.json()["error"]["code"] == "budget_exhausted"
        assert "retry-after" not in answer.headers and "wait" not in answer.json()["error"]["message"]
        assert answer.headers["x-weir-decision"] and answer.headers["x-weir-tier"] == "cloud"


def test_a_hard_budget_that_is_empty_is_a_429_that_says_when(provider, beyond):
    weir = beyond(backend(provider), priced("big"), HARD.format(0.01))
    refused = 0
    for _ in range(60):
        answer = weir.ask("big", headers=PUBLIC, max_tokens=10)
        if answer.status_code == 200:
            assert not refused
            continue
        refused += 1
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "budget_exhausted"
        assert 1 <= int(answer.headers["retry-after"]) <= 24 * 3600 + 1
    assert refused
    state = budget(weir)
    assert Decimal(state["spent"]) <= Decimal("0.01") and state["reserved"] == "0"
    assert Decimal(state["spent"]) == COST * (60 - refused)
    listed = command(weir.data, "budget", "list").stdout
    assert "team" in listed and "hard" in listed
    assert command(weir.data, "budget", "show", "moon").returncode == 3
    metrics = weir.get("/metrics").text
    assert f"weir_budget_refused_total {refused}" in metrics
    assert 'weir_spend_total{target="big",currency="USD"} ' + state["spent"] in metrics


def test_when_it_is_empty_a_cheaper_target_answers_unless_the_budget_refuses(provider, beyond):
    route = '[route.clever]\ntargets = ["big", "free"]\n'
    free = priced("free", 'price = { currency = "USD", input_per_million = 0, output_per_million = 0 }')
    lower = beyond(backend(provider), priced("big"), free, route, HARD.format(0.0001), folder="lower")
    assert lower.ask("clever", headers=PUBLIC).headers["x-weir-target"] == "free"
    refuse = beyond(backend(provider), priced("big"), free, route, HARD.format(0.0001) + 'when_empty = "refuse"\n',
                    folder="refuse")
    assert refuse.ask("clever", headers=PUBLIC).status_code == 429


def test_a_hard_budget_lets_nothing_out_whose_price_nobody_knows(provider, beyond):
    weir = beyond(backend(provider), target("big"), HARD.format(1))
    answer = weir.ask("big", headers=PUBLIC)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "budget_needs_price"
    assert not provider.requests
    assert "has no price" in weir.log()


def test_64_at_once_never_go_beyond_a_hard_limit(provider, beyond):
    weir = beyond(backend(provider, more="concurrency = 64"), priced("big"), HARD.format("0.01"))
    start = threading.Barrier(64)

    def one(_):
        start.wait()
        return weir.ask("big", headers=PUBLIC, max_tokens=10).status_code

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        codes = list(pool.map(one, range(64)))
    assert set(codes) <= {200, 429} and 200 in codes and 429 in codes
    state = budget(weir)
    assert Decimal(state["spent"]) == COST * codes.count(200) <= Decimal("0.01")
    assert len(provider.requests) == codes.count(200)


def test_what_a_provider_counts_beyond_its_reservation_is_booked_and_blocks(provider, beyond):
    weir = beyond(backend(provider), priced("big"), HARD.format("0.01"))
    provider.say("big", Answer(completion_tokens=100_000, reasoning_tokens=99_000))
    assert weir.ask("big", headers=PUBLIC, max_tokens=10).status_code == 200
    assert weir.ask("big", headers=PUBLIC, max_tokens=10).status_code == 429
    state = budget(weir)
    assert state["over"] and Decimal(state["spent"]) > 3
    assert total(weir)["overrun"] == 1


def test_a_key_has_money_models_and_projects_of_its_own(provider, beyond):
    weir = beyond(backend(provider), priced("big"), priced("other"))

    def key(name, **more):
        made = command(weir.data, "keys", "create", name,
                       *(f"--{k.replace('_', '-')}={v}" for k, v in more.items()))
        assert made.returncode == 0, made.stderr
        return PUBLIC | {"authorization": f"Bearer {made.stdout.strip()}"}

    poor = key("poor", budget="0.001", budget_per="day")
    codes = [weir.ask("big", headers=poor, max_tokens=5).status_code for _ in range(8)]
    assert codes[0] == 200 and codes[-1] == 429
    narrow = key("narrow", allow_models="big", allow_projects="hr,it-*")
    assert weir.ask("big", headers=narrow | {"x-weir-project": "it-support"}).status_code == 200
    assert weir.ask("other", headers=narrow | {"x-weir-project": "hr"}).json()["error"]["code"] == "model_not_allowed"
    assert weir.ask("big", headers=narrow).json()["error"]["code"] == "project_not_allowed"
    own = HTTP.get(f"{weir.url}/weir/v1/ledger?by=key", headers=narrow).json()
    assert [line["name"] for line in own["lines"]] == ["narrow"]
    assert command(weir.data, "keys", "create", "x", "--budget=-1").returncode == 1


def test_a_keys_own_budget_is_seen_and_what_a_crash_held_of_it_is_released(provider, beyond):
    parts = (backend(provider), priced("big"))
    weir = beyond(*parts)

    def made(name, *words):
        done = command(weir.data, "keys", "create", name, "--json", *words)
        assert done.returncode == 0, done.stderr
        key = json.loads(done.stdout)
        return f"key/{key['id']}", PUBLIC | {"authorization": f"Bearer {key['key']}"}

    name, key = made("poor", "--budget=1", "--budget-per=total")
    other, stranger = made("stranger", "--budget=3")
    assert weir.ask("big", headers=key, max_tokens=5).status_code == 200
    shown = json.loads(command(weir.data, "budget", "show", name, "--json").stdout)[0]
    assert Decimal(shown["spent"]) == COST and shown["limit"] == "1" and shown["hard"]
    assert shown["keys"] == ["poor"] and shown["window"] == "total"
    listed = command(weir.data, "budget", "list").stdout
    assert name in listed and "stranger" in listed
    _, admin = made("ops", "--scopes=all")
    metrics = HTTP.get(f"{weir.url}/metrics", headers=admin).text
    assert f'weir_budget_spent{{budget="{name}",window="total",currency="USD"}} {shown["spent"]}' in metrics
    for asking, own in ((key, name), (stranger, other)):
        seen = HTTP.get(f"{weir.url}/weir/v1/budgets", headers=asking).json()["data"]
        assert [row["name"] for row in seen] == [own], "a key sees its own money alone"
    for process in weir.processes():
        os.kill(process.pid, signal.SIGKILL)
    weir.process.wait()
    weir = beyond(*parts)
    state = json.loads(command(weir.data, "budget", "show", name, "--json").stdout)[0]
    assert Decimal(state["held"]) > 0, "what was leased counts as spent"
    idle = json.loads(command(weir.data, "budget", "show", other, "--json").stdout)[0]
    assert idle["held"] == "0" == idle["spent"], "of an idle key nothing was leased"
    assert command(weir.data, "budget", "release", name).returncode == 0
    state = json.loads(command(weir.data, "budget", "show", name, "--json").stdout)[0]
    assert state["held"] == "0" and Decimal(state["spent"]) == COST
    assert command(weir.data, "keys", "revoke", "poor").returncode == 0
    assert command(weir.data, "budget", "show", name).returncode == 3


@pytest.mark.parametrize("wrong, named", [
    ('[budget.a]\nkeys = ["*"]\nper_day = 1\ncurrency = "XYZ"', "budget.a.currency"),
    ('[budget.a]\nkeys = ["*"]\nper_day = -1', "budget.a.per_day"),
    ('[budget.a]\nper_day = 1', "budget.a.keys"),
    ('[budget.a]\nkeys = ["*"]', "budget.a.per_day"),
    ('[budget.a]\nkeys = ["x"]\nper_day = 1\n[budget.b]\nkeys = ["x"]\nper_day = 2', "overlaps budget.a"),
    ('[budget.a]\nkeys = ["x"]\nper_day = 1\n[budget.a]\nkeys = ["y"]\nper_day = 2', "a"),
    ('[[target]]\nname = "t"\nbackend = "here"\nmodel = "m"\n'
     'price = { currency = "USD", input_per_million = -1 }', "target.price.input_per_million"),
])
def test_what_is_wrong_with_money_is_named_before_anything_starts(tmp_path, wrong, named):
    config = tmp_path / "weir.toml"
    config.write_text(wrong)
    for words in (("policy", "check"), ("config", "check")):
        done = command(tmp_path, *words, "--config", str(config))
        assert done.returncode != 0 and named in done.stderr


def test_a_price_list_of_ones_own_takes_the_place_of_ours(tmp_path, provider, beyond):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "prices.json").write_text('{"version": 1, "checked": "2026-01-01", "prices": []}')
    weir = beyond('prices = "prices.json"', backend(provider), priced("big"), folder="mine")
    assert Decimal(weir.ask("big", headers=PUBLIC).json()["weir"]["cost"]) == COST
    (tmp_path / "mine" / "prices.json").write_text('{"version": 1, "checked": "2026-01-01"}')
    done = command(weir.data, "config", "check", "--config", str(weir.config))
    assert done.returncode != 0 and "prices" in done.stderr


def test_no_crash_of_the_server_loses_money_or_a_committed_entry(provider, beyond, tmp_path):
    """Kill -9 of every process at any moment, with requests under way."""
    limit = Decimal(1)
    parts = (backend(provider, more='concurrency = 16\nretries = 0'), priced("big"), HARD.format(limit))
    kills = 200 if long_run() else 10
    committed = {}
    released = Decimal(0)
    served = [0]
    refused = [0]

    def one(weir):
        try:
            answer = weir.ask("big", headers=PUBLIC, max_tokens=10, timeout=20)
            served[0] += answer.status_code == 200
            refused[0] += answer.status_code == 429
        except Exception:  # the server died under it
            pass

    def entries(weir):
        rows = json.loads(ledger(weir, "--entries", "10000", "--json"))
        return {(row["decision"], row["target"]): row["cost"] for row in rows}, len(rows)

    for kill in range(kills):
        weir = Beyond(tmp_path / "killed", "\n".join(parts))
        try:
            found, lines = entries(weir)
            assert lines == len(found), "an entry is there twice"
            assert not set(committed.items()) - set(found.items()), "a committed entry is gone"
            state = budget(weir)
            gone = Decimal(state["spent"]) + Decimal(state["held"])
            assert gone + released >= COST * len(provider.requests), "money was lost"
            assert gone <= limit
            if kill % 20 == 19:  # each crash may hold a fiftieth of the limit
                assert command(weir.data, "budget", "release", "team").returncode == 0
                released += Decimal(state["held"])
            committed = found
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                seen = len(provider.requests)
                for _ in range(8):
                    pool.submit(one, weir)
                if kill % 3:  # in the middle of them, before any, or after all
                    weir_server.until(lambda: len(provider.requests) >= seen + kill % 7, 10)
                for process in weir.processes():
                    os.kill(process.pid, signal.SIGKILL)
            weir.process.wait()
        finally:
            weir.__exit__()
    assert served[0] > 0 and not refused[0]
    weir = beyond(*parts, folder="killed")
    state = budget(weir)
    assert Decimal(state["spent"]) + Decimal(state["held"]) + released >= COST * len(provider.requests)
    if Decimal(state["held"]):
        assert command(weir.data, "budget", "release", "team").returncode == 0
        assert budget(weir)["held"] == "0"
