"""python tests/fake_provider: runs until its stdin closes; controlled by lines of JSON, each answered by one.

  {"fail": ["model", "429", 2]}   {"forget": true}   {"release": true}   {"count": "canary"}   {"seen": true}
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from fake_provider import FakeProvider  # noqa: E402


def obey(provider, command):
    if "fail" in command:
        provider.fail(*command["fail"])
    if command.get("forget"):
        provider.forget()
    if command.get("release"):
        provider.release()
    if "count" in command:
        return {"count": provider.count(command["count"])}
    if command.get("seen"):
        return {"bytes": provider.bytes_received, "connections": provider.connections,
                "open": provider.open_connections, "open_max": provider.open_connections_max,
                "requests": [{"dialect": r.dialect, "method": r.method, "path": r.path, "model": r.model,
                              "failure": r.failure, "ended": r.ended} for r in provider.requests]}
    return {}


def main():
    with FakeProvider() as provider:
        ports = {kind: provider.port(kind) for kind in (*provider._listeners,)}
        print(json.dumps({"ports": ports, "ca_file": str(provider.ca_file)}), flush=True)
        for line in sys.stdin:
            print(json.dumps(obey(provider, json.loads(line))), flush=True)


main()
