"""docs/fields.md is what its generator prints, and no field of a dialect's own description is missing from it."""

import json
import sys

import pytest

import weir_server

sys.path.insert(0, str(weir_server.ROOT / "tools"))
import fields_table  # noqa: E402

DIALECTS = {dialect["id"]: dialect for dialect in fields_table.load()}


def names(dialect):
    return [field["name"] for field in DIALECTS[dialect]["fields"]]


def test_the_page_is_what_the_generator_prints():
    page = (weir_server.ROOT / "docs" / "fields.md").read_text()
    assert page == fields_table.document(fields_table.load()), "run tools/fields_table.py > docs/fields.md"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_row_says_what_is_sent(dialect):
    assert len(set(names(dialect))) == len(names(dialect))
    for field in DIALECTS[dialect]["fields"]:
        assert field["state"] in ("carried", "emulated", "ignored", "refused"), field
        assert ("value" in field) == (field["state"] != "refused"), field
        assert "refused" in field or field["state"] != "refused", field
        assert "in" not in field or field["in"] in DIALECTS[dialect]["beside"], field
    used = {field.get("in") for field in DIALECTS[dialect]["fields"]}
    assert not set(DIALECTS[dialect].get("beside", {})) - used


def inside(dialect, prefix):
    found = (name.removeprefix(prefix) for name in names(dialect) if name.startswith(prefix))
    return {name.split(".")[0].removesuffix("[]") for name in found}


def properties(schema, schemas):
    if "$ref" in schema:
        schema = schemas[schema["$ref"].split("/")[-1]]
    found = set(schema.get("properties", {}))
    for part in schema.get("allOf", []) + schema.get("anyOf", []) + schema.get("oneOf", []):
        found |= properties(part, schemas)
    return found


def description(*parts):
    folder = weir_server.shared_data()
    path = folder and folder.joinpath(*parts)
    if not path or not path.exists():
        pytest.skip("the API's own description is not at hand")
    return path


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if DIALECTS[name]["source"].startswith("openapi ")])
def test_no_field_of_openais_description_is_missing(dialect):
    api = json.loads(description("openai-openapi", "openapi.json").read_text())
    path = DIALECTS[dialect]["source"].removeprefix("openapi ")
    content = api["paths"][path]["post"]["requestBody"]["content"]
    schema = next(iter(content.values()))["schema"]
    missing = properties(schema, api["components"]["schemas"]) - set(names(dialect))
    assert not missing


# What stands in a field, and the schemas of the description that say so. Items of tools that OpenAI runs are no rows.
NESTED = {
    ("openai-chat", "messages[]."): ["ChatCompletionRequestMessage"],
    ("openai-chat", "messages[].tool_calls[]."): ["ChatCompletionMessageToolCall"],
    ("openai-chat", "messages[].content[]."): ["ChatCompletionRequestUserMessageContentPart",
                                               "ChatCompletionRequestAssistantMessageContentPart"],
    ("openai-chat", "tools[]."): ["ChatCompletionTool"],
    ("openai-chat", "tools[].function."): ["FunctionObject"],
    ("openai-chat", "stream_options."): ["ChatCompletionStreamOptions"],
    ("openai-responses", "input[]."): ["EasyInputMessage", "OutputMessage", "FunctionToolCall",
                                       "FunctionCallOutputItemParam", "ReasoningItem"],
    ("openai-responses", "input[].content[]."): ["InputContent"],
    ("openai-responses", "tools[]."): ["FunctionTool"],
    ("openai-responses", "text."): ["ResponseTextParam"],
    ("openai-responses", "text.format."): ["TextResponseFormatJsonSchema"],
    ("openai-responses", "reasoning."): ["Reasoning"],
}


@pytest.mark.parametrize("dialect, prefix", NESTED)
def test_no_field_inside_of_another_is_missing(dialect, prefix):
    schemas = json.loads(description("openai-openapi", "openapi.json").read_text())["components"]["schemas"]
    known = inside(dialect, prefix)
    for schema in NESTED[dialect, prefix]:
        assert not properties(schemas[schema], schemas) - known


BLOCKS = {
    "messages[].content[].": ["TextBlockParam", "ImageBlockParam", "DocumentBlockParam", "ToolUseBlockParam",
                              "ToolResultBlockParam", "ThinkingBlockParam", "RedactedThinkingBlockParam"],
    "tools[].": ["ToolParam"],
}


@pytest.mark.parametrize("prefix", BLOCKS)
def test_no_field_of_anthropics_blocks_is_missing(prefix):
    types = pytest.importorskip("anthropic.types")
    known = inside("anthropic-messages", prefix)
    for block in BLOCKS[prefix]:
        assert not set(getattr(types, block).__annotations__) - known, block


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if DIALECTS[name]["source"].startswith("ollama ")])
def test_no_field_of_ollamas_description_is_missing(dialect):
    yaml = pytest.importorskip("yaml")
    api = yaml.safe_load(description("ollama-api-docs", "docs", "openapi.yaml").read_text())
    schemas = api["components"]["schemas"]
    missing = properties(schemas[DIALECTS[dialect]["source"].split()[1]], schemas) - set(names(dialect))
    if "options" in names(dialect) and dialect != "ollama-embed":
        missing |= {f"options.{name}" for name in properties(schemas["ModelOptions"], schemas)} - set(names(dialect))
    assert not missing


def test_no_field_of_anthropics_client_is_missing():
    types = pytest.importorskip("anthropic.types.message_create_params")
    known = set(types.MessageCreateParamsStreaming.__annotations__)
    for base in types.MessageCreateParamsStreaming.__mro__:
        known |= set(getattr(base, "__annotations__", {}))
    known |= set(types.MessageCreateParamsBase.__annotations__)
    assert len(known) > 12
    assert not known - set(names("anthropic-messages"))
