"""What users see of a loaded server, by key."""

import json

import httpx

from talk import ask, openai_client


def test_figures_by_key_are_of_their_key(serve, small, weir):
    server = serve()
    created = {}
    for name in ("laptop", "phone"):
        done = weir("keys", "create", name, "--json", data=server.data)
        assert done.returncode == 0, done.stderr
        created[name] = json.loads(done.stdout)
    for name, count in (("laptop", 2), ("phone", 1)):
        client = openai_client(server, key=created[name]["key"])
        for _ in range(count):
            client.chat.completions.create(**ask("Hi", max_tokens=2))
    shown = json.loads(weir("ps", "--json", data=server.data).stdout)  # the operator sees all
    by_name = {line["name"]: line for line in shown["keys"]}
    assert by_name["laptop"]["requests"] == 2 and by_name["phone"]["requests"] == 1
    assert by_name["laptop"]["key"] == created["laptop"]["id"]
    assert "laptop" in weir("ps", data=server.data).stdout
    own = httpx.get(f"{server.url}/weir/v1/models", headers={"x-api-key": created["phone"]["key"]}, trust_env=False)
    assert [line["name"] for line in own.json()["keys"]] == ["phone"]
