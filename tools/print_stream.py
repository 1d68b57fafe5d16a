#!/usr/bin/env python3
"""Prints the text of an OpenAI chat stream (server-sent events on stdin) as it arrives.

Exits 1 when the stream holds an error, is no stream at all, or ends without [DONE].
"""

import json
import sys


def main():
    other = []
    for line in sys.stdin:
        if not line.startswith("data: "):
            other.append(line)
            continue
        data = line[len("data: "):].strip()
        if data == "[DONE]":
            print()
            return 0
        event = json.loads(data)
        if "error" in event:
            print(f"\nerror: {event['error'].get('message')}", file=sys.stderr)
            return 1
        for choice in event.get("choices", []):
            print(choice.get("delta", {}).get("content") or "", end="", flush=True)
    print("the stream broke off\n" + "".join(other[:20]), file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
