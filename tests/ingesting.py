"""Documents into collections and out again, by the command line and over HTTP."""

import json
import subprocess

import httpx

import weir_server


def command(server, *arguments, **settings):
    environment = weir_server.plain_environment(server.data) | {
        "WEIR_DATA": str(server.data), "WEIR_MODELS": str(weir_server.model_store())}
    return subprocess.run([weir_server.WEIR, *map(str, arguments)], capture_output=True, text=True, env=environment,
                          timeout=240 * weir_server.PATIENCE, **({"input": ""} | settings))


def ingest(server, *arguments, code=0, **settings):
    done = command(server, "ingest", "--json", *arguments, **settings)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def search(server, collection, query, **more):
    answer = httpx.post(f"{server.url}/weir/v1/collections/{collection}/search", json={"query": query} | more,
                        timeout=60 * weir_server.PATIENCE, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]
