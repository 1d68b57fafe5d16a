#!/usr/bin/env python3
"""Holds every answer, stream event and list of items in testdata/ against OpenAI's own API description.

    check_responses.py TESTDATA OPENAPI_JSON

Needs python3-jsonschema. Exit code 77 (skipped, for ctest) where that or the description is absent.
"""
import json
import pathlib
import sys

FINAL = {"response.completed", "response.incomplete", "response.failed"}


def events_of(stream):
    """The data of each event; its type must be the word behind `event:`."""
    found = []
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if fields:
            value = json.loads(fields["data"])
            assert value["type"] == fields["event"], fields["event"]
            found.append(value)
    return found


def with_unknown_counts(value):
    """A count that nobody told is null with us, never zero; the description knows numbers only."""
    response = value.get("response", value)
    for key in ("input_tokens_details", "output_tokens_details"):
        details = (response.get("usage") or {}).get(key, {})
        details.update({name: 0 for name, count in details.items() if count is None})
    return value


def wrong_order(events):
    """What is wrong with the order of a stream; None when nothing is."""
    numbers = [event["sequence_number"] for event in events]
    if numbers != list(range(len(numbers))):
        return f"sequence numbers {numbers}"
    types = [event["type"] for event in events]
    if types[:2] != ["response.created", "response.in_progress"]:
        return f"begins with {types[:2]}"
    if types[-1] not in FINAL or FINAL & set(types[:-1]):
        return f"ends with {types[-1]}"
    added, done, text = [], [], {}
    for event in events:
        place = event.get("output_index")
        if event["type"] == "response.output_item.added":
            added.append(place)
        elif event["type"] == "response.output_item.done":
            done.append(place)
        elif place is not None and (place not in added or place in done):
            return f"{event['type']} outside of its item"
        if event["type"].endswith(".delta"):
            text[place] = text.get(place, "") + event["delta"]
        whole = event.get("text", event.get("arguments"))
        if event["type"].endswith((".text.done", "_text.done", "arguments.done")) and whole != text.get(place, ""):
            return f"{event['type']} is not the sum of its deltas"
    if added != list(range(len(added))):
        return f"items {added}"
    if types[-1] != "response.failed" and (sorted(done) != added or len(events[-1]["response"]["output"]) != len(added)):
        return f"items {added} ended as {done}"
    return None


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
    document = json.loads(description.read_text())
    schemas = document["components"]["schemas"]
    schema_of = {}
    for choice in schemas["ResponseStreamEvent"]["anyOf"]:
        name = choice["$ref"].rsplit("/", 1)[1]
        schema_of[schemas[name]["properties"]["type"]["enum"][0]] = name
    failed = checked = 0

    def check(name, schema, value):
        nonlocal failed, checked
        checked += 1
        validator = jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{schema}", **document})
        errors = sorted(validator.iter_errors(value), key=str)
        for error in errors[:3]:
            print(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        failed += bool(errors)

    for answer in sorted(testdata.glob("answers/*/answer.json")):
        value = with_unknown_counts(json.loads(answer.read_text()))
        # Only a failure is `{"error": {...}}`; in a response `error` is null.
        check(answer, "ErrorResponse" if "object" not in value else "Response", value)
    for stream in sorted(testdata.glob("answers/*/stream.txt")):
        events = events_of(stream.read_text())
        for event in events:
            check(stream, schema_of[event["type"]], with_unknown_counts(event))
        checked += 1
        if wrong := wrong_order(events):
            print(f"{stream}: {wrong}")
            failed += 1
    for items in sorted(testdata.glob("create/*.items")):
        check(items, "ResponseItemList", json.loads(items.read_text()))
    print(f"{checked} checked, {failed} failed")
    return 1 if failed or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
