#!/usr/bin/env python3
"""Holds every answer and stream event in testdata/ against the schemas of OpenAI's own API description.

    check_openapi.py TESTDATA OPENAPI_JSON

Needs python3-jsonschema. Exit code 77 (skipped, for ctest) where that or the description is absent.
"""
import json
import pathlib
import sys

# Our own additions, which the description cannot know and which its schemas allow.
WHOLE = {"chat": "CreateChatCompletionResponse", "completion": "CreateCompletionResponse"}
CHUNK = {"chat": "CreateChatCompletionStreamResponse", "completion": "CreateCompletionResponse"}


def allow_null(schema):
    """OpenAPI 3.0's `nullable`, which the description still uses in places, as JSON Schema says it."""
    if isinstance(schema, list):
        return [allow_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: allow_null(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        return {"anyOf": [out, {"type": "null"}]}
    return out


def without_first_nulls(value):
    """An echoed prompt's first token has no log-probability: OpenAI sends null, its description knows numbers only."""
    for choice in value.get("choices", []):
        logprobs = choice.get("logprobs") or {}
        for key, known in (("token_logprobs", 0.0), ("top_logprobs", {})):
            if isinstance(logprobs.get(key), list):
                logprobs[key][:1] = [known if item is None else item for item in logprobs[key][:1]]
    return value


def main():
    testdata, description = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    try:
        import jsonschema
    except ImportError:
        print("skipped: python3-jsonschema is not here")
        return 77
    if not description.exists():
        print("skipped: OpenAI's API description is not here")
        return 77
    document = allow_null(json.loads(description.read_text()))

    def check(name, schema, value):
        validator = jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{schema}", **document})
        errors = sorted(validator.iter_errors(value), key=str)
        for error in errors[:3]:
            print(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        return 1 if errors else 0

    failed = checked = 0
    for route in ("chat", "completion"):
        for answer in sorted((testdata / route).glob("*/answer.json")):
            value = without_first_nulls(json.loads(answer.read_text()))
            if value.get("usage", 0) is None:
                del value["usage"]  # unknown is null with us, never zero
            failed += check(answer, "ErrorResponse" if "error" in value else WHOLE[route], value)
            checked += 1
        for stream in sorted((testdata / route).glob("*/stream.txt")):
            for line in stream.read_text().split("\n"):
                if not line.startswith("data: {"):
                    continue
                value = without_first_nulls(json.loads(line[len("data: "):]))
                if route == "completion":
                    # The description knows the whole object only; in a stream OpenAI too sends null before the end.
                    value["choices"] = [dict(choice, finish_reason=choice["finish_reason"] or "stop")
                                        for choice in value.get("choices", [])]
                    if value.get("usage", 0) is None:
                        del value["usage"]
                    if value.get("error"):
                        del value["choices"]
                failed += check(stream, "ErrorResponse" if "error" in value else CHUNK[route], value)
                checked += 1
    print(f"{checked} checked, {failed} failed")
    return 1 if failed or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
