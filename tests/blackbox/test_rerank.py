"""Reranking in Jina's and Cohere's shapes, against the real server and embedding model."""

import pytest

from talk import EMBEDDING, error_of

QUERY = "Where does the river end?"
DOCUMENTS = ["Bread is baked from flour and water.", "The river ends in the North Sea.", "Keys open locks."]


@pytest.mark.parametrize("route", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_the_document_that_fits_comes_first(http, embedding, route):
    answer = http.post(route, json={"query": QUERY, "documents": DOCUMENTS}).json()
    ranked = [(one["index"], one["relevance_score"]) for one in answer["results"]]
    assert ranked[0][0] == 1 and {index for index, _ in ranked} == {0, 1, 2}
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    assert answer["model"] == EMBEDDING and answer["usage"]["total_tokens"] > 10
    assert answer["weir"]["rerank"]["method"] == "embeddings" and answer["weir"]["target"] == EMBEDDING


def test_scores_are_the_cosines_of_the_embeddings(http, client, embedding):
    vectors = [one.embedding for one in client.embeddings.create(model=EMBEDDING, input=[QUERY, *DOCUMENTS]).data]
    answer = http.post("/v1/rerank", json={"model": EMBEDDING, "query": QUERY, "top_n": 2, "return_documents": True,
                                           "documents": [{"text": text} for text in DOCUMENTS]}).json()
    assert len(answer["results"]) == 2
    for one in answer["results"]:
        assert one["document"]["text"] == DOCUMENTS[one["index"]]
        cosine = sum(a * b for a, b in zip(vectors[0], vectors[one["index"] + 1]))
        assert one["relevance_score"] == pytest.approx(cosine, abs=1e-4)


@pytest.mark.parametrize("param,more", [
    ("documents", {"documents": []}),
    ("documents", {"documents": ["a"] * 1001}),
    ("documents[1]", {"documents": ["a", ""]}),
    ("documents[1]", {"documents": ["a", "word " * 3000]}),
    ("query", {"query": "word " * 3000}),
    ("top_n", {"top_n": 0}),
    ("max_tokens_per_doc", {"max_tokens_per_doc": 0}),
    ("overlap", {"overlap": 1}),
])
def test_what_is_wrong_is_refused_by_name(http, embedding, param, more):
    request = {"query": QUERY, "documents": DOCUMENTS} | more
    assert error_of(http.post("/v1/rerank", json=request), 400)["param"] == param


def test_documents_are_cut_where_that_is_asked_for(http, embedding):
    def scores(documents, **more):
        answer = http.post("/v1/rerank", json={"query": QUERY, "documents": documents} | more)
        assert answer.status_code == 200, answer.text
        return {one["index"]: one["relevance_score"] for one in answer.json()["results"]}

    long = DOCUMENTS[1] + " word" * 3000
    assert scores([long], truncation=True)[0] == scores([long], max_tokens_per_doc=100_000)[0]
    begins_alike = [DOCUMENTS[1] + " Bread.", DOCUMENTS[1] + " Keys open locks."]
    whole, cut = scores(begins_alike), scores(begins_alike, max_tokens_per_doc=7)
    assert whole[0] != whole[1] and cut[0] == cut[1]
