"""A model that ranks: /v1/rerank, and what a search finds. Its scores are held against those that follow from the vectors of
tiny-encoder.gguf, the same model without the head (tests/tiny_models.py).
"""

import json
import math

import httpx
import pytest

import tiny_models
import weir_server
from ingesting import command
from talk import EMBEDDING, error_of

QUERY = "Where did the cat go?"
DOCUMENTS = ["The cat went home.", "One day a boy had a big red ball.", "Lily likes to play in the park with her dog."]
CONFIG = """
[model.encoder]
file = "{folder}/tiny-encoder.gguf"

[model.ranker]
file = "{folder}/tiny-reranker.gguf"
"""


@pytest.fixture(scope="module")
def tiny(stories, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny_models.write_all(folder, stories)
    return folder


@pytest.fixture
def server(serve, tiny, tmp_path):
    config = tmp_path / "weir.toml"
    config.write_text(CONFIG.format(folder=tiny))
    return serve("--config", str(config))


@pytest.fixture
def ask(server):
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60 * weir_server.PATIENCE) as http:
        yield lambda method, path, **more: http.request(method, path, **more)


def tokens(ask, text):
    return ask("POST", "/tokenize", json={"model": "encoder", "content": text, "add_special": False}).json()["tokens"]


def score_of(ask, query, document):
    begin, end = 1, 2  # which is the separator as well
    pair = [begin, *tokens(ask, query), end, end, *tokens(ask, document), end]
    answer = ask("POST", "/v1/embeddings", json={"model": "encoder", "input": [pair]})
    assert answer.status_code == 200, answer.text
    vector = answer.json()["data"][0]["embedding"]
    logit = sum(w * x * math.sqrt(len(vector)) for w, x in zip(tiny_models.RANK_HEAD, vector)) + tiny_models.RANK_BIAS
    return 1 / (1 + math.exp(-logit))


def rerank(ask, **more):
    answer = ask("POST", "/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("named", [{}, {"model": "ranker"}, {"model": "reranker"}])
def test_scores_are_those_of_the_head(ask, named):
    answer = rerank(ask, return_documents=True, **named)
    assert answer["model"] == "ranker"
    assert answer["weir"]["rerank"] == {"method": "reranker", "score": "sigmoid"}
    scores = [one["relevance_score"] for one in answer["results"]]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True) and len(set(scores)) == 3
    for one in answer["results"]:
        assert one["document"]["text"] == DOCUMENTS[one["index"]]
        assert one["relevance_score"] == pytest.approx(score_of(ask, QUERY, DOCUMENTS[one["index"]]), abs=2e-3)
    assert answer["usage"]["total_tokens"] == sum(len(tokens(ask, QUERY)) + len(tokens(ask, text)) + 4 for text in DOCUMENTS)


def test_the_score_is_of_the_pair_alone(ask):
    together = {one["index"]: one["relevance_score"] for one in rerank(ask)["results"]}
    for index, text in enumerate(DOCUMENTS):
        alone = rerank(ask, documents=[text])["results"][0]["relevance_score"]
        assert alone == pytest.approx(together[index], abs=1e-5)
    assert len(rerank(ask, documents=DOCUMENTS * 100, top_n=7)["results"]) == 7


def test_embeddings_rank_where_they_are_named(ask):
    answer = rerank(ask, model="encoder")
    assert answer["weir"]["rerank"]["method"] == "embeddings" and answer["model"] == "encoder"


@pytest.mark.parametrize("path,body,status", [
    ("/v1/embeddings", {"input": "a"}, 400),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a"}]}, 400),
    ("/v1/completions", {"prompt": "a"}, 400),
])
def test_it_does_nothing_else(ask, path, body, status):
    error = error_of(ask("POST", path, json={"model": "ranker"} | body), status)
    assert error["param"] == "model" and error["code"] == "wrong_task"


def test_what_is_too_long_is_refused_by_name(ask):
    long = "the cat and the dog " * 40
    error = error_of(ask("POST", "/v1/rerank", json={"query": QUERY, "documents": ["a", long]}), 400)
    assert error["param"] == "documents[1]" and error["code"] == "context_length_exceeded"
    cut = ask("POST", "/v1/rerank", json={"query": QUERY, "documents": ["a", long], "truncation": True})
    assert cut.status_code == 200 and len(cut.json()["results"]) == 2


def test_a_document_is_read_to_so_many_tokens(ask):
    count = len(tokens(ask, DOCUMENTS[0]))
    longer = DOCUMENTS[0] + " " + DOCUMENTS[1]
    for most, read in ((count, DOCUMENTS[0]), (1000, longer)):
        answer = ask("POST", "/v1/rerank", json={"query": QUERY, "documents": [longer], "max_tokens_per_doc": most}).json()
        assert answer["results"][0]["relevance_score"] == pytest.approx(score_of(ask, QUERY, read), abs=2e-3)


def test_it_is_said_what_the_model_is_for(ask):
    shown = ask("POST", "/api/show", json={"model": "ranker"}).json()
    assert shown["capabilities"] == ["rerank"]


def test_what_a_search_finds_is_ranked(server, ask, embedding):
    texts = [f"# Note {i}\n\n{text} It was a day in {month}." for i, (text, month) in enumerate(
        [(text, month) for text in DOCUMENTS for month in ("May", "June", "July")])]
    for i, text in enumerate(texts):
        put = ask("PUT", f"/weir/v1/collections/notes/documents/{i}.md", content=text, headers={"content-type": "text/plain"})
        assert put.status_code in (200, 201), put.text

    def search(**more):
        answer = ask("POST", "/weir/v1/collections/notes/search", json={"query": QUERY, "k": 3} | more)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    plain, ranked = search(rerank=False, k=20), search()
    assert len(plain) > 3 and len(ranked) == 3
    # What is ranked of a passage: its text behind its title and the headings above it.
    scores = {}
    for passage in plain:
        shown = rerank(ask, documents=[f"{passage['section']}\n\n{passage['text']}"])
        scores[passage["document"]] = shown["results"][0]["relevance_score"]
    best = sorted(scores, key=scores.get, reverse=True)[:3]
    assert [passage["document"] for passage in ranked] == best != [passage["document"] for passage in plain][:3]
    # The command's, and the same without the ranking.
    def found(*flags):
        done = command(server, "search", "notes", QUERY, "-k", "3", "--json", *flags)
        return [passage["document"] for passage in json.loads(done.stdout)["data"]]

    assert found() == best and found("--no-rerank") == [passage["document"] for passage in plain][:3]
    for passage in ranked:
        assert passage["score"] == pytest.approx(scores[passage["document"]], abs=1e-4)
    threshold = (scores[best[0]] + scores[best[1]]) / 2
    assert [passage["document"] for passage in search(score_threshold=threshold)] == best[:1]
    # With what stands around them, and of passages that are too long for the model.
    assert [passage["document"] for passage in search(context_tokens=500)] == best
    long = "\n\n".join(f"The boy and the cat saw {i} birds in a tree." for i in range(40))
    ask("PUT", "/weir/v1/collections/notes/documents/long.md", content=long, headers={"content-type": "text/plain"})
    assert len(search(k=4)) == 4


def test_without_it_embeddings_are_what_there_is(server, embedding, serve):
    plain = serve()
    answer = httpx.post(f"{plain.url}/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS}, trust_env=False,
                        timeout=60 * weir_server.PATIENCE).json()
    assert answer["model"] == EMBEDDING and answer["weir"]["rerank"]["method"] == "embeddings"
