"""Each dialect of clients with each that answers, over real sockets: a client that leaves in the middle of a stream.

What is converted is held to the byte by src/dialects/pairs; docs/combinations.md shows both.
"""

import httpx
import pytest

import weir_server
from beyond import Beyond, backend, target

pytestmark = pytest.mark.usefixtures("fresh_provider")
PUBLIC = {"x-weir-label": "public"}
HI = [{"role": "user", "content": "hi"}]
# Dialects of clients that ask for chats; a completion is for the local engine alone.
CLIENTS = {
    "openai": ("/v1/chat/completions", {"messages": HI, "stream": True}),
    "responses": ("/v1/responses", {"input": "hi", "stream": True, "store": False}),
    "anthropic": ("/v1/messages", {"messages": HI, "max_tokens": 50, "stream": True}),
    "ollama": ("/api/chat", {"messages": HI}),
}
PROVIDERS = ("openai", "anthropic", "gemini", "ollama")


@pytest.fixture(scope="module")
def weir(provider, tmp_path_factory):
    parts = [backend(provider, dialect, name=dialect) for dialect in PROVIDERS]
    parts += [target(f"at-{dialect}", backend=dialect) for dialect in PROVIDERS]
    with Beyond(tmp_path_factory.mktemp("weir"), "\n".join(parts)) as running:
        yield running


@pytest.mark.parametrize("answerer", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_leaves_ends_the_call_at_the_provider(provider, weir, client, answerer):
    provider.fail(f"at-{answerer}", "hang_mid")
    path, body = CLIENTS[client]
    with httpx.stream("POST", f"{weir.url}{path}", json=body | {"model": f"at-{answerer}"}, headers=PUBLIC, trust_env=False,
                      timeout=60 * weir_server.PATIENCE) as answer:
        assert answer.status_code == 200, answer.read()
        next(answer.iter_bytes())
    provider.wait_for(lambda p: p.requests and p.requests[-1].ended == "client_gone", 20 * weir_server.PATIENCE)
