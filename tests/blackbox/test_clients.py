"""Clients of other people, unchanged: langchain-openai, curl, the asynchronous openai client, openai for JavaScript."""

import asyncio
import json
import os
import pathlib
import subprocess

import openai
import pytest

import weir_server
from talk import EMBEDDING, SMALL, ask

NODE_TESTS = pathlib.Path(__file__).resolve().parents[1] / "node" / "openai_client.mjs"
NODE_HOME = weir_server.ROOT / "build" / "env" / "node"


def node_cases():
    listing = subprocess.run(["node", NODE_TESTS, "--list"], capture_output=True, text=True,
                             env=os.environ | {"WEIR_NODE_HOME": str(NODE_HOME)})
    return listing.stdout.split() or ["the_list_of_cases_cannot_be_read"]


@pytest.mark.parametrize("case", node_cases())
def test_openai_for_javascript(server, small, embedding, case):
    environment = os.environ | {"WEIR_NODE_HOME": str(NODE_HOME), "WEIR_URL": server.url, "WEIR_MODEL": SMALL,
                                "WEIR_EMBEDDING": EMBEDDING}
    done = subprocess.run(["node", NODE_TESTS, case], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]


def test_langchain_answers_and_streams(server, small):
    from langchain_openai import ChatOpenAI
    chat = ChatOpenAI(model=SMALL, base_url=f"{server.url}/v1", api_key="none", temperature=0, max_tokens=12,
                      max_retries=0)
    assert "Paris" in chat.invoke("What is the capital of France? One word.").content
    assert len([piece for piece in chat.stream("Count to five.") if piece.content]) > 2


def test_langchain_structured_output(server, small):
    from langchain_openai import ChatOpenAI
    schema = {"title": "City", "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}},
              "required": ["city"], "additionalProperties": False}
    chat = ChatOpenAI(model=SMALL, base_url=f"{server.url}/v1", api_key="none", temperature=0, max_tokens=60,
                      max_retries=0)
    answer = chat.with_structured_output(schema, method="json_schema", strict=True).invoke("A city in France?")
    assert isinstance(answer["city"], str)


def test_langchain_embeds_texts(server, embedding):
    from langchain_openai import OpenAIEmbeddings
    embeddings = OpenAIEmbeddings(model=EMBEDDING, base_url=f"{server.url}/v1", api_key="none",
                                  check_embedding_ctx_length=False)
    assert len(embeddings.embed_documents(["one", "two"])[1]) == 384


def test_curl_gets_a_stream_with_an_end(server, small):
    done = subprocess.run(["curl", "-sS", "-N", f"{server.url}/v1/chat/completions", "-H",
                           "content-type: application/json", "-d", json.dumps(ask("Hi", stream=True, max_tokens=4))],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.rstrip().endswith("data: [DONE]")


def test_eight_asynchronous_clients_at_once(server, small):
    async def one(client, number):
        answer = await client.chat.completions.create(**ask(f"Say the number {number}.", max_tokens=8))
        return answer.choices[0].message.content

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, number) for number in range(8)))

    assert all(asyncio.run(all_of_them()))
