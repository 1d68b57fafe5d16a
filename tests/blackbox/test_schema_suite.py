"""JSON-Schema-Test-Suite (draft 2020-12): each schema is refused by name, or every answer under it is valid, says a
validator that is not ours. A tiny model draws at temperature 1, so the grammar alone keeps it to the schema."""

import decimal
import json
import os

import jsonschema
import pytest

import weir_server
from talk import http_client

SEEDS = range(1, 11 if os.environ.get("WEIR_LONG") else 2)
WHERE = "response_format.json_schema.schema"


def groups():
    """(name, schema) of each in the suite, optional formats and patterns included."""
    folder = weir_server.shared_data()
    suite = folder and folder / "json" / "JSON-Schema-Test-Suite" / "tests" / "draft2020-12"
    if not suite or not suite.is_dir():
        return []
    return [(f"{path.stem}: {group['description']}", group["schema"])
            for path in sorted(suite.rglob("*.json")) for group in json.loads(path.read_text())]


@pytest.fixture(scope="module")
def tiny(stories, tmp_path_factory):
    with weir_server.Weir(tmp_path_factory.mktemp("schemas") / "data", "-m", stories) as server, http_client(server) as http:
        yield http


def exactly(text):
    """With decimals as they are written: to the validator 0.07 is then a multiple of 0.01."""
    return json.loads(text, parse_float=decimal.Decimal)


def answer_under(http, schema, seed):
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    return http.post("/v1/chat/completions", timeout=60 * weir_server.PATIENCE, json={
        "model": "stories260k-f32", "messages": [{"role": "user", "content": "JSON"}], "temperature": 1, "seed": seed,
        "max_tokens": 120, "response_format": form})


def test_every_answer_under_a_schema_that_is_taken_is_valid(tiny):
    whole, cut, refused = 0, 0, []
    schemas = groups()
    if not schemas:
        pytest.skip("JSON-Schema-Test-Suite is not there")
    for name, schema in schemas:
        for seed in SEEDS:
            response = answer_under(tiny, schema, seed)
            if response.status_code == 400:
                error = response.json()["error"]
                assert (error["param"] or "").startswith(WHERE) or error["message"].startswith("JSON"), (name, error)
                refused.append(name)
                break
            assert response.status_code == 200, (name, response.text)
            choice = response.json()["choices"][0]
            if choice["finish_reason"] == "length":
                cut += 1
                continue
            value = exactly(choice["message"]["content"])
            jsonschema.Draft202012Validator(exactly(json.dumps(schema))).validate(value)
            whole += 1
    print(f"{len(schemas)} schemas: {len(refused)} refused; {whole} whole answers, {cut} cut by max_tokens")
    assert whole >= 110 * len(SEEDS) and cut < whole / 4
