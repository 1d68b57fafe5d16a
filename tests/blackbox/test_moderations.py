"""POST /v1/moderations with OpenAI's own client: what the detectors find, and nothing that nobody judged."""

import json

import openai
import pytest

import weir_server
from talk import error_of

MAIL = "Write to jane.doe@example.org, please."
KEY = 'DB_PASSWORD="Tr0ub4dor&3"'
PLAIN = "The weir holds the river back."


def test_a_text_with_personal_data_is_flagged_with_what_was_found(client):
    answer = client.moderations.create(input=MAIL)
    assert answer.id.startswith("modr_") and answer.model == "weir-detectors"
    (result,) = answer.results
    found = result.categories.model_extra
    assert result.flagged and found["privacy/email"] and found["privacy/personal"] and not found["privacy/secret"]
    assert result.category_scores.model_extra["privacy/email"] > 0.5
    (finding,) = result.model_extra["weir"]["findings"]
    assert MAIL[finding["start"]:finding["end"]] == "jane.doe@example.org" and finding["type"] == "email"


def test_what_nobody_judges_is_there_and_false(client):
    (result,) = client.moderations.create(input="I will hurt you").results
    assert not result.flagged
    for name in ("hate", "harassment_threatening", "self_harm_intent", "sexual_minors", "violence_graphic", "illicit"):
        assert getattr(result.categories, name) is False and getattr(result.category_scores, name) == 0
        assert getattr(result.category_applied_input_types, name) == []


def test_each_input_has_its_result_and_parts_have_one_together(client):
    answer = client.moderations.create(model="omni-moderation-latest", input=[MAIL, PLAIN, KEY])
    assert [result.flagged for result in answer.results] == [True, False, True]
    assert answer.results[2].categories.model_extra["privacy/secret"]
    parts = [{"type": "text", "text": text} for text in (PLAIN, MAIL, KEY)]
    (result,) = client.moderations.create(input=parts).results
    assert [finding["part"] for finding in result.model_extra["weir"]["findings"]] == [1, 2]


def test_the_answer_is_what_openai_describes(http):
    folder = weir_server.shared_data()
    path = folder and folder / "openai-openapi" / "openapi.json"
    if not path or not path.exists():
        pytest.skip("OpenAI's description is not at hand")
    jsonschema = pytest.importorskip("jsonschema")
    api = json.loads(path.read_text())
    schema = {"$ref": "#/components/schemas/CreateModerationResponse", "components": api["components"]}
    answer = http.post("/v1/moderations", json={"input": [MAIL, PLAIN]}).json()
    jsonschema.Draft202012Validator(schema).validate(answer)


def test_it_finds_what_weir_label_finds(http, weir):
    text = MAIL + "\n" + KEY + "\nGB82 WEST 1234 5698 7654 32"
    told = json.loads(weir("label", "-", "--json", input=text).stdout)
    (result,) = http.post("/v1/moderations", json={"input": text}).json()["results"]
    for finding in result["weir"]["findings"]:
        assert finding.pop("part") == 0
    assert result["weir"]["findings"] == told and len(told) >= 3


@pytest.mark.parametrize("body, status, param", [
    ({}, 400, "input"), ({"input": []}, 400, "input"), ({"input": 7}, 400, "input"), ({"input": [1]}, 400, "input[0]"),
    ({"input": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}, 400, "input[0].type"),
    ({"input": "a", "model": "nobody"}, 404, "model"), ({"input": ["a"] * 2049}, 400, "input"),
    ({"input": "a", "speed": 1}, 400, "speed"),
])
def test_bad_input_names_the_field(http, body, status, param):
    assert error_of(http.post("/v1/moderations", json=body), status)["param"] == param


def test_the_client_raises_its_own_errors(client):
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="a", model="nobody")
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(input=[{"type": "image_url", "image_url": {"url": "https://x/y.png"}}])


def test_a_long_text_is_read_and_one_that_is_too_long_is_said_to_be_unread(http):
    long = (PLAIN + " ") * 40_000
    (result,) = http.post("/v1/moderations", json={"input": long + MAIL}).json()["results"]
    assert [finding["type"] for finding in result["weir"]["findings"]] == ["email"]
    (result,) = http.post("/v1/moderations", json={"input": "a " * (3 << 20)}).json()["results"]
    assert result["flagged"] and result["categories"]["privacy/unscanned"]
    error = error_of(http.post("/v1/moderations", json={"input": ["b " * (2 << 20)] * 5}), 400)
    assert "16777216" in error["message"]
