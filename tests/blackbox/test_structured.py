"""Answers in JSON, by schema and without."""

import json

import jsonschema
import pytest

from talk import ask, error_of

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
        "address": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}},
                    "required": ["city"], "additionalProperties": False},
    },
    "required": ["name", "age", "tags", "address"],
    "additionalProperties": False,
}

MEASURED = {
    "type": "object",
    "properties": {
        "price": {"type": "number", "exclusiveMinimum": 0, "maximum": 99.95},
        "stars": {"type": "number", "minimum": 0, "maximum": 5, "multipleOf": 0.5},
        "frost": {"type": "number", "minimum": -40.5, "exclusiveMaximum": 0},
        "share": {"type": ["number", "null"], "minimum": 0.25, "exclusiveMaximum": 1},
        "seats": {"type": "integer", "minimum": 100, "multipleOf": 25},
        "depth": {"type": "integer", "maximum": -5},
    },
    "required": ["price", "stars", "frost", "share", "seats", "depth"],
    "additionalProperties": False,
}


def schema_format(schema, strict=True):
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": strict, "schema": schema}}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("schema", [PERSON, MEASURED], ids=["person", "measured"])
def test_an_answer_follows_its_schema(client, small, schema, seed):
    answer = client.chat.completions.create(**ask("Describe a person in JSON.", temperature=1, seed=seed,
                                                  max_tokens=400, response_format=schema_format(schema)))
    assert answer.choices[0].finish_reason == "stop"
    jsonschema.validate(json.loads(answer.choices[0].message.content), schema)


@pytest.mark.parametrize("schema", [
    {"type": "boolean"}, {"const": 7}, {"enum": ["red", "green", 3, None]},
    {"anyOf": [{"type": "integer", "minimum": 10, "maximum": 20}, {"type": "null"}]},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2},
    {"type": "string", "pattern": "^[a-c]{2,4}$"},
    {"$defs": {"leaf": {"type": "integer", "minimum": 0, "maximum": 9}}, "type": "array",
     "items": {"$ref": "#/$defs/leaf"}, "minItems": 1, "maxItems": 3},
], ids=json.dumps)
def test_each_kind_of_schema_is_obeyed(client, small, schema):
    answer = client.chat.completions.create(**ask("Answer in JSON.", temperature=1, seed=5, max_tokens=100,
                                                  response_format=schema_format(schema)))
    jsonschema.validate(json.loads(answer.choices[0].message.content), schema)


def test_json_object_gives_an_object(client, small):
    answer = client.chat.completions.create(**ask("A JSON object with your name.", max_tokens=200, temperature=0,
                                                  response_format={"type": "json_object"}))
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content), dict)
    assert answer.choices[0].message.content.lstrip().startswith("{")


@pytest.mark.parametrize("keyword, value", [
    ("not", {"type": "string"}), ("uniqueItems", True), ("if", {"type": "string"}),
    ("propertyNames", {"pattern": "^a"}), ("dependentSchemas", {"a": {}}), ("unheardOf", 1),
])
def test_a_keyword_that_cannot_be_enforced_is_named(http, small, keyword, value):
    schema = {"type": "object", "properties": {"list": {"type": "array", keyword: value}}}
    error = error_of(http.post("/v1/chat/completions", json=ask("Hi", response_format=schema_format(schema))), 400)
    assert keyword in error["message"] and error["param"].startswith("response_format")


@pytest.mark.parametrize("schema", [
    {"type": "colour"}, {"type": 3}, {"properties": []}, {"$ref": "#/$defs/missing"}, {"$ref": "http://example.com/a"},
    {"type": "string", "pattern": "(["}, {"type": "array", "minItems": 3, "maxItems": 1}, {"enum": []},
    {"type": "number", "minimum": 1, "exclusiveMaximum": 1}, {"type": "number", "maximum": 1e300}, {"multipleOf": 0},
], ids=json.dumps)
def test_a_broken_schema_is_refused(http, small, schema):
    error = error_of(http.post("/v1/chat/completions", json=ask("Hi", response_format=schema_format(schema))), 400)
    assert error["param"].startswith("response_format")


def test_a_recursive_schema_is_obeyed(client, small):
    schema = {"$defs": {"node": {"type": "object", "additionalProperties": False, "required": ["value", "next"],
                                 "properties": {"value": {"enum": [1, 2]},
                                                "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}}},
              "$ref": "#/$defs/node"}
    answer = client.chat.completions.create(**ask("A list of numbers.", seed=1, max_tokens=200,
                                                  response_format=schema_format(schema)))
    text = answer.choices[0].message.content
    assert text.startswith("{")
    if answer.choices[0].finish_reason == "stop":
        jsonschema.validate(json.loads(text), schema)


def test_a_huge_schema_is_refused_with_its_limit(http, small):
    schema = {"type": "object", "properties": {f"p{i}": {"enum": [f"v{j}" for j in range(200)]} for i in range(500)}}
    error = error_of(http.post("/v1/chat/completions", json=ask("Hi", response_format=schema_format(schema))), 400)
    assert any(character.isdigit() for character in error["message"])


def test_a_deep_schema_is_refused(http, small):
    schema = {"type": "integer"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}
    error_of(http.post("/v1/chat/completions", json=ask("Hi", response_format=schema_format(schema))), 400)


def test_a_broken_grammar_is_refused(http, small):
    error = error_of(http.post("/v1/chat/completions", json=ask("Hi", grammar="root ::= missing (")), 400)
    assert error["param"] == "grammar"
