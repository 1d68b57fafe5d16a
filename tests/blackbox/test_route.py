"""What is kept of decisions, and what it is good for: explain, replay, simulate, votes, learning, and money a day."""

import concurrent.futures
import json
import shutil
import subprocess
from decimal import Decimal

import pytest

import weir_server
from beyond import HTTP, Beyond, backend, target
from fake_provider import Answer

PUBLIC = {"x-weir-label": "public"}
PRICE = 'price = { currency = "USD", input_per_million = 5, output_per_million = 30 }\n'
COST = (11 * Decimal(5) + 7 * Decimal(30)) / 1_000_000  # as the fake provider counts; nothing is said of cached tokens
CANARY = "zebra-quartz-canary"


@pytest.fixture
def places(provider):
    return (backend(provider, name="rack", tier="edge") + backend(provider) + target("near", "m1", backend="rack") +
            target("far", "m2") + "max_output = 1000\n" + PRICE)


@pytest.fixture
def start(tmp_path, places):
    running = []

    def begin(route, folder="weir", **settings):
        running.append(Beyond(tmp_path / folder, places + route, **settings))
        return running[-1]

    yield begin
    for weir in running:
        weir.__exit__()


def run(weir, *words, text=""):
    environment = weir_server.plain_environment(weir.data) | {"WEIR_DATA": str(weir.data), "FAKE_PROVIDER_KEY": "x"}
    return subprocess.run([weir_server.WEIR, *words, "--config", str(weir.config)], capture_output=True, text=True,
                          input=text, env=environment, timeout=60 * weir_server.PATIENCE)


def good(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def route(targets, more=""):
    names = ", ".join(f'"{name}"' for name in targets)
    return f"[route.clever]\ntargets = [{names}]\n{more}\n"


@pytest.mark.parametrize("said, more, fault", [
    (Answer(("I\u2019m sorry, ", "but I can\u2019t help with that.")), {}, "refusal"),
    (Answer(("",), finish="content_filter"), {}, "refusal"),
    (Answer(("four",)), {"response_format": {"type": "json_object"}}, "invalid_answer"),
    (Answer((), calls=(("tide", '{"day": 4}'),), finish="tool_calls"), {"tools": [{"type": "function", "function": {
        "name": "tide", "parameters": {"type": "object", "properties": {"day": {"type": "string"}}}}}]}, "invalid_call"),
])
def test_an_answer_that_is_plainly_wrong_is_given_again_by_a_later_target(provider, start, said, more, fault):
    weir = start(route(["near", "far"]))
    provider.say("m1", said)
    provider.say("m2", Answer(('{"metres": 4}',)))
    answer = weir.ask("clever", headers=PUBLIC, **more)
    assert answer.status_code == 200 and answer.json()["choices"][0]["message"]["content"] == '{"metres": 4}'
    told = answer.json()["weir"]
    assert (told["gate"], told["fault"], told["accepted"], told["target"]) == ("hard_facts", fault, False, "far")
    record = weir.explain(answer)
    assert record["check"]["fault"] == fault
    assert any(note.startswith("hard facts: the draft is not accepted") for note in record["notes"])
    assert [(one["target"], one["outcome"]) for one in record["attempts"]] == [("near", "draft_rejected"), ("far", "served")]
    # A stream is not held back for it, and where nobody else can answer it is served all the same.
    assert weir.ask("clever", stream=True, headers=PUBLIC, **more).headers["x-weir-target"] == "near"
    provider.fail("m2", "400", times=1)
    served = weir.ask("clever", headers=PUBLIC, **more).json()
    assert served["weir"]["target"] == "near" and served["weir"]["accepted"] is False
    provider.forget()


def test_a_decision_is_explained_after_a_restart_and_holds_no_text(start):
    weir = start(route(["near", "far"]))
    answer = weir.ask("clever", f"Where is the {CANARY}?", headers=PUBLIC | {"x-weir-project": "hr"})
    decision = answer.headers["x-weir-decision"]
    before = json.loads(good(run(weir, "route", "explain", decision, "--json")))
    assert before["ended"] and before["served"]["target"] == "near" and before["served"]["tier"] == "edge"
    assert before["features"]["prompt_bytes"] == len(f"Where is the {CANARY}?") and before["project"] == "hr"
    assert before["prompt"]["kind"] == "general" and before["policy"] == before["policy_now"]
    weir.__exit__()
    again = start(route(["near", "far"]))
    assert json.loads(good(run(again, "route", "explain", decision, "--json"))) == before
    assert "weir_decisions_dropped_total 0\n" in again.get("/metrics").text
    shown = good(run(again, "route", "explain", decision))
    assert "served: near (edge)" in shown and "policy " in shown and CANARY not in shown
    for path in again.data.glob("decisions.db*"):
        assert CANARY.encode() not in path.read_bytes(), path
    missing = run(again, "route", "explain", "dec_none")
    assert missing.returncode == 3 and "no such decision" in missing.stderr


def test_a_refusal_is_explained_to_who_gets_it(start):
    weir = start(route(["far"]))
    refused = weir.ask("clever", headers={"x-weir-label": "secret", "x-weir-explain": "1"})
    assert refused.status_code == 403 and refused.headers["x-weir-label"] == "secret"
    decision = refused.headers["x-weir-decision"]
    assert refused.json()["weir"]["decision"] == decision and refused.json()["weir"]["explanation"]
    shown = good(run(weir, "route", "explain", decision))
    assert "label_exceeds_ceiling" in shown and "refused: " in shown


def test_replay_says_what_another_policy_would_have_cost_and_where_it_would_have_asked(start, places, tmp_path):
    weir = start(route(["far", "near"]))
    for number in range(4):
        assert weir.ask("clever", f"Question {number}?", headers=PUBLIC).status_code == 200
    weir.ask("clever", "Secret?", headers={"x-weir-label": "secret"})  # nobody may take it
    same = json.loads(good(run(weir, "route", "replay", "--json")))
    assert same["decisions"] == 5 and same["changed"] == 0 and same["labels_changed"] == 0
    assert same["before"] == same["after"] and same["after"]["cloud"] == 4 and same["after"]["refused"] == 1
    new = tmp_path / "new.toml"
    new.write_text(places + route(["near", "far"]) + '[[label]]\nmatch = { model = "clever" }\nlabel = "internal"\n')
    words = ("route", "replay", "--policy", str(new), "--since", "30d")
    report = json.loads(good(run(weir, *words, "--json")))
    assert report["changed"] == 4 and report["moves"] == [{"from": "far", "to": "near", "count": 4}]
    assert Decimal(report["before"]["cost"]["USD"]) == 4 * COST and report["before"]["cloud_share"] == 1
    assert report["after"]["cloud_share"] == 0 and report["after"]["edge"] == 4
    assert report["after"]["unpriced"] == 4, "what has no price is not free"
    assert report["labels"] == [{"from": "public", "to": "internal", "count": 4}]
    shown = good(run(weir, *words))
    assert "far -> near: 4" in shown and "label public -> internal: 4" in shown and "100.0 %" in shown


@pytest.mark.parametrize("words, code, named", [
    (("--policy", "/nowhere.toml"), 1, "/nowhere.toml"), (("--since", "soon"), 2, "--since takes a duration"),
    (("--policy", "bad.toml"), 1, "no such target"),
])
def test_replay_names_what_is_wrong_with_what_it_is_given(start, tmp_path, words, code, named):
    weir = start(route(["near"]))
    (tmp_path / "bad.toml").write_text('[[rule]]\nwhen = { colour = "red" }\nuse = ["x"]\n')
    done = run(weir, "route", "replay", *(str(tmp_path / word) if word == "bad.toml" else word for word in words))
    assert done.returncode == code and done.stderr.startswith("weir: ")
    assert named in done.stderr or "colour" in done.stderr


def test_who_names_no_policy_hears_that_the_servers_is_another_than_the_one_found(start, tmp_path):
    weir = start(route(["near"]))
    assert weir.ask("clever", headers=PUBLIC).status_code == 200
    (tmp_path / "requests.jsonl").write_text('{"model": "clever", "messages": [{"role": "user", "content": "Hello"}]}\n')

    def said(*words, **found):
        environment = weir_server.plain_environment(tmp_path / "home") | {"WEIR_DATA": str(weir.data)} | found
        done = subprocess.run([weir_server.WEIR, "route", *words], capture_output=True, text=True, input="",
                              env=environment | {"FAKE_PROVIDER_KEY": "x"}, timeout=60 * weir_server.PATIENCE)
        return done.stderr

    for words in (("replay",), ("simulate", str(tmp_path / "requests.jsonl"))):
        assert "another policy in force" in said(*words)
        assert said(*words, WEIR_CONFIG=str(weir.config)) == ""
        assert "another policy" not in said(*words, "--policy", str(weir.config))


def test_replay_without_decisions_says_so(tmp_path):
    environment = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path)}
    done = subprocess.run([weir_server.WEIR, "route", "replay"], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 3 and "no server has kept decisions" in done.stderr


def test_simulate_decides_without_asking_anybody(start, provider):
    weir = start(route(["far", "near"]))
    provider.forget()

    def line(text, **weir):
        return json.dumps({"model": "clever", "messages": [{"role": "user", "content": text}], "weir": weir})

    lines = [line("Hello", label="public"), line("Hello", label="secret"), "", '{"model": "clever"}',
             line("Hello", label="public", route="edge"), line("Pay GB82 WEST 1234 5698 7654 32", label="public")]
    done = run(weir, "route", "simulate", "-", "--json", text="\n".join(lines) + "\n")
    assert done.returncode == 1 and "line 4: " in done.stderr and "messages" in done.stderr
    decided = [json.loads(each) for each in done.stdout.splitlines()]
    assert [(each["line"], each["label"], each.get("target"), each.get("refused")) for each in decided] == [
        (1, "public", "far", None), (2, "secret", None, "label_exceeds_ceiling"), (5, "public", "near", None),
        (6, "personal", None, "label_exceeds_ceiling")]
    assert any("iban" in why for why in decided[3]["explanation"])
    assert not provider.requests, "nobody was asked"
    assert "far (cloud)" in good(run(weir, "route", "simulate", "-", text=lines[0]))


def test_votes_are_kept_and_taught_from_and_a_refit_that_is_not_better_is_not_taken(start):
    weir = start(route(["near", "far"]))
    answer = weir.ask("clever", "Is it right?", headers=PUBLIC)
    decision = answer.headers["x-weir-decision"]

    def vote(body, id=decision):
        return weir.post(f"/weir/v1/decisions/{id}/vote", body)

    assert vote({"vote": "up"}).json() == {"id": decision, "vote": "up"}
    assert weir.get(f"/weir/v1/decisions/{decision}").json()["was_right"] is True
    good(run(weir, "route", "vote", decision, "down"))
    assert weir.get(f"/weir/v1/decisions/{decision}").json()["was_right"] is False
    assert vote({"vote": None}).json()["vote"] is None
    assert "was_right" not in weir.get(f"/weir/v1/decisions/{decision}").json()
    for body, param in (({"vote": "sideways"}, "vote"), ({}, "vote"), ({"vote": "up", "why": 1}, "why")):
        refused = vote(body)
        assert refused.status_code == 400 and refused.json()["error"]["param"] == param
    assert vote({"vote": "up"}, "dec_none").status_code == 404
    vote({"vote": "down"})
    learned = json.loads(good(run(weir, "route", "learn", "--json")))
    assert learned["outcomes"] == 1 and learned["adopted"] is False and "50 are needed" in learned["why"]
    assert weir.get("/weir/v1/policy").json()["learned"] is None


def test_what_was_learnt_is_used_at_once_and_after_a_restart_and_never_leaves_the_data_folder(start):
    weir = start(route(["near", "far"], "goal = { quality_min = 0.6 }"))
    for number in range(60):  # everything below the cloud is wrong, whatever was predicted
        answer = weir.ask("clever", f"Who wrote book {number}?", headers=PUBLIC)
        if answer.headers["x-weir-target"] == "near":
            voted = weir.post(f"/weir/v1/decisions/{answer.headers['x-weir-decision']}/vote", {"vote": "down"})
            assert voted.status_code == 200
    assert answer.headers["x-weir-target"] == "near"
    learned = json.loads(good(run(weir, "route", "learn", "--json")))
    assert learned["adopted"] and learned["refit_loss"] < learned["shipped_loss"] and learned["right"] == 0
    assert weir.ask("clever", "Who wrote book 61?", headers=PUBLIC).headers["x-weir-target"] == "far"
    weir.__exit__()
    assert (weir.data / "learned.json").stat().st_mode & 0o077 == 0
    again = start(route(["near", "far"], "goal = { quality_min = 0.6 }"))
    assert again.ask("clever", "Who wrote book 62?", headers=PUBLIC).headers["x-weir-target"] == "far"


def test_asking_again_and_going_on_say_what_an_answer_was_worth(start):
    weir = start(route(["near", "far"]))

    def ask(*turns, model="clever", **more):
        roles = ["user", "assistant"] * 3
        messages = [{"role": role, "content": text} for role, text in zip(roles, turns)]
        answer = weir.ask(model, messages=messages, headers=PUBLIC, **more)
        assert answer.status_code == 200
        return answer.headers["x-weir-decision"]

    def kept(id):
        found = weir.get(f"/weir/v1/decisions/{id}").json()
        return found["regenerated"], found["escalated"], found["continued"]

    again = ask("Where is the lamp?")
    ask("Where is the lamp?")
    assert kept(again) == (True, False, False)
    higher = ask("Where is the key?")
    ask("Where is the key?", model="far")
    assert kept(higher) == (False, True, False)
    on = ask("Where is the book?")
    ask("Where is the book?", "On the shelf.", "And the pen?")
    assert kept(on) == (False, False, True)
    greedy = ask("Where is the cup?")
    ask("Where is the cup?", temperature=0)
    assert kept(greedy) == (False, False, False), "it would be answered the same"


def test_money_for_a_day_is_never_exceeded_also_by_many_at_once(start, provider):
    limit = COST * 6
    weir = start(route(["near", "far"], f'goal = {{ cost_per_day_max = "{limit:.12f}" }}'))
    def one(number):
        answer = weir.ask("clever", f"Prove theorem {number} of the book, with every step and each case of it.",
                          headers=PUBLIC, max_tokens=7)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-weir-target"]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        served = list(pool.map(one, range(120)))
    state = json.loads(good(run(weir, "budget", "show", "route/clever", "--json")))[0]
    assert Decimal(state["spent"]) == served.count("far") * COST and not state["over"]
    assert Decimal(state["spent"]) + Decimal(state["reserved"]) <= limit
    assert weir.ask("far", "By name it is no matter of the route's goal.", headers=PUBLIC).status_code == 200


def test_where_only_the_cloud_may_answer_the_goal_is_a_hard_limit(start):
    weir = start(route(["far"], f'goal = {{ cost_per_day_max = "{COST * 3:.12f}" }}'))
    # The most that a request may cost is reserved: some more than it will.
    codes = [weir.ask("clever", "hi", headers=PUBLIC, max_tokens=7).status_code for _ in range(8)]
    assert codes[0] == 200 and codes[-1] == 429, codes
    refused = weir.ask("clever", "hi", headers=PUBLIC, max_tokens=7).json()["error"]
    assert refused["code"] == "budget_exhausted"


def test_a_goal_in_a_currency_that_no_price_is_in_keeps_the_cloud_last(start):
    weir = start(route(["near", "far"], 'goal = { cost_per_day_max = 5, currency = "EUR" }'))
    answer = weir.ask("clever", "Prove it.", headers=PUBLIC | {"x-weir-explain": "1"})
    assert answer.headers["x-weir-target"] == "near"
    assert any("not known in EUR" in line for line in answer.json()["weir"]["explanation"])


def test_decisions_of_others_are_not_to_be_seen_nor_voted_on(start):
    weir = start(route(["near", "far"]))
    keys = {name: json.loads(good(run(weir, "keys", "create", name, "--json")))["key"] for name in ("ana", "ben")}
    answer = weir.ask("clever", "hi", headers=PUBLIC | {"x-api-key": keys["ana"]})
    decision = answer.headers["x-weir-decision"]
    for key, status in (("ana", 200), ("ben", 404)):
        headers = {"x-api-key": keys[key]}
        assert HTTP.get(f"{weir.url}/weir/v1/decisions/{decision}", headers=headers).status_code == status
        assert weir.post(f"/weir/v1/decisions/{decision}/vote", {"vote": "up"}, headers).status_code == status
        assert weir.post("/weir/v1/policy/learn", {}, headers).status_code == 403


def test_a_server_that_keeps_no_decisions_says_so(start):
    weir = start(route(["near"]) + "[limits]\nkept_decisions = 0\n")
    decision = weir.ask("clever", "hi", headers=PUBLIC).headers["x-weir-decision"]
    assert weir.get(f"/weir/v1/decisions/{decision}").status_code == 200, "the last ones are in memory"
    assert weir.post(f"/weir/v1/decisions/{decision}/vote", {"vote": "up"}).json()["error"]["code"] == "no_history"
    assert not list(weir.data.glob("decisions.db*"))


@pytest.mark.parametrize("wrong, named", [
    ('[[label]]\nmatch = { project = "hr" }\nlabel = "top"', "label.label"),
    ('[[label]]\nmatch = { team = "hr" }\nlabel = "secret"', "'team' in label.match"),
    ('[[rule]]\nwhen = { colour = "red" }\nuse = ["near"]', "'colour' in rule.when"),
    ('[[rule]]\nwhen = { label = "top" }\nuse = ["near"]', "rule.when.label"),
    ('[[rule]]\nwhen = { images = "yes" }\nuse = ["near"]', "rule.when.images"),
    ('default_label = "top"', "default_label"),
    ('[route.a]\ntargets = ["near"]\ngoal = { cost_per_day_max = -1 }', "cost_per_day_max"),
    ('[route.a]\ntargets = ["near"]\ngoal = { cost_per_day_max = 1, currency = "XYZ" }', "currency"),
    ('[route.a]\ntargets = ["near"]\ngoal = { cloud_share_max = 0.1, currency = "USD" }', "currency"),
    ('[route.a]\ntargets = ["near"]\nmin_confidence = 1.5', "min_confidence"),
    ('[[detector]]\nname = "x"\npattern = "("\nlabel = "secret"', "x"),
    ('prediction = 3', "prediction"), ("[limits]\nkept_decisions = -1", "kept_decisions"),
])
def test_a_policy_that_is_wrong_is_named_by_check_and_at_the_start(tmp_path, places, wrong, named):
    text = wrong + "\n" + places if not wrong.startswith("[") else places + wrong + "\n"
    config = tmp_path / "weir.toml"
    config.write_text(text)
    environment = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path)}
    for words in (("policy", "check"), ("config", "check"), ("serve", "--listen", "127.0.0.1:0")):
        done = subprocess.run([weir_server.WEIR, *words, "--config", str(config)], capture_output=True, text=True,
                              env=environment, timeout=60 * weir_server.PATIENCE)
        assert done.returncode != 0 and named in done.stderr, (words, done)


def test_weights_that_do_not_have_their_hash_are_refused_and_every_explanation_says_so(start, tmp_path):
    weights = weir_server.ROOT / "data" / "prediction.json"
    shutil.copy(weights, tmp_path / "good.json")
    text = weights.read_text()
    at = text.index('"weights": "') + 200
    (tmp_path / "bad.json").write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:])
    explained = {"x-weir-explain": "1"} | PUBLIC
    for name, refused in (("good.json", False), ("bad.json", True), ("missing.json", True)):
        weir = start(f'{route(["near", "far"])}[limits]\n', folder=f"weir-{name}",
                     environment={"WEIR_PREDICTION": str(tmp_path / name)})
        for model in ("clever", "near"):
            lines = weir.ask(model, "What is 2 + 2?", headers=explained).json()["weir"]["explanation"]
            assert any("the model file of the configuration is refused" in line for line in lines) == refused, (name, lines)
        assert ("is refused" in weir.log()) == refused
        assert (weir.get("/weir/v1/policy").json()["prediction_note"] != "") == refused
        weir.__exit__()


def test_doctor_names_detectors_and_weights_that_are_wrong(tmp_path):
    config = tmp_path / "weir.toml"
    config.write_text('prediction = "none.json"\n[[detector]]\nname = "mine"\npattern = "("\nlabel = "secret"\n')
    environment = weir_server.plain_environment(tmp_path) | {"WEIR_DATA": str(tmp_path)}
    done = subprocess.run([weir_server.WEIR, "doctor", "--json", "--config", str(config)], capture_output=True, text=True,
                          env=environment, timeout=60 * weir_server.PATIENCE)
    found = {each["what"]: each["found"] for each in json.loads(done.stdout)}
    assert "detector.pattern" in found["detectors"] and "it cannot be read" in found["prediction"], found
    assert done.returncode == 1
