"""Embeddings: values, forms, bounds."""

import base64

import numpy
import pytest

from talk import EMBEDDING, error_of

EATING = ("A man is eating food.", "A man is eating a piece of bread.")


def vectors(client, texts, **more):
    return [numpy.array(item.embedding) for item in client.embeddings.create(model=EMBEDDING, input=texts, **more).data]


def test_a_known_pair_has_its_known_cosine(client, embedding):
    a, b = vectors(client, list(EATING), encoding_format="float")
    assert len(a) == 384
    assert numpy.linalg.norm(a) == pytest.approx(1, abs=1e-3)
    assert float(a @ b) == pytest.approx(0.755, abs=0.003)


def test_base64_and_float_are_the_same_numbers(http, embedding):
    def raw(form):
        request = {"model": EMBEDDING, "input": EATING[0], "encoding_format": form}
        return http.post("/v1/embeddings", json=request).json()["data"][0]["embedding"]
    decoded = numpy.frombuffer(base64.b64decode(raw("base64")), dtype="<f4")
    assert numpy.allclose(decoded, numpy.array(raw("float"), dtype="f4"), atol=1e-6)


def test_a_batch_keeps_its_order_and_equals_single_calls(client, embedding):
    texts = [f"Sentence {i} about topic {i * 7 % 5}. " * (1 + i % 9) for i in range(40)]
    batch = vectors(client, texts)
    for i in (0, 8, 17, 39):
        assert float(batch[i] @ vectors(client, texts[i])[0]) > 0.9995


def test_usage_is_counted(client, embedding):
    one = client.embeddings.create(model=EMBEDDING, input=EATING[0])
    assert one.usage.prompt_tokens == 8 and one.usage.total_tokens == 8


def test_tokens_are_taken_as_input(client, embedding):
    ids = [101, 1037, 2158, 2003, 5983, 2833, 1012, 102]
    a, b = vectors(client, [ids])[0], vectors(client, EATING[0])[0]
    assert float(a @ b) > 0.999


@pytest.mark.parametrize("body, param", [
    ({"input": ""}, "input"), ({"input": []}, "input"), ({"input": [1, "a"]}, "input"), ({"input": None}, "input"),
    ({}, "input"), ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
    ({"input": "x", "dimensions": 64}, "dimensions"), ({"input": "x", "dimensions": 0}, "dimensions"), ({"input": "x", "dimensions": 10_000}, "dimensions"),
    ({"input": [[-1]]}, "input"), ({"input": [[10_000_000]]}, "input"),
])
def test_a_wrong_field_is_named(http, embedding, body, param):
    error = error_of(http.post("/v1/embeddings", json={"model": EMBEDDING} | body), 400)
    assert error["param"].startswith(param)


def test_a_text_that_does_not_fit_is_refused_and_not_cut(http, embedding):
    error = error_of(http.post("/v1/embeddings", json={"model": EMBEDDING, "input": "river " * 5000}), 400)
    assert error["param"].startswith("input")


def test_an_embedding_model_does_not_chat(http, embedding):
    response = http.post("/v1/chat/completions",
                         json={"model": EMBEDDING, "messages": [{"role": "user", "content": "Hi"}]})
    assert error_of(response, 400)["code"] == "wrong_task"


def test_a_chat_model_embeds_beside_its_answers(client, http, chat_model):
    model, size = chat_model
    asked = {"model": model, "max_tokens": 4, "temperature": 0, "messages": [{"role": "user", "content": "Say hi."}]}
    before = client.chat.completions.create(**asked).choices[0].message.content
    texts = [EATING[0], EATING[1], "def add(a, b): return a + b", "word " * 600]
    answer = client.embeddings.create(model=model, input=texts, encoding_format="float")
    rows = [numpy.array(item.embedding) for item in answer.data]
    assert all(len(row) == size and numpy.linalg.norm(row) == pytest.approx(1, abs=1e-3) for row in rows)
    assert float(rows[0] @ rows[1]) > float(rows[0] @ rows[2])
    assert answer.usage.prompt_tokens > 600
    assert client.chat.completions.create(**asked).choices[0].message.content == before
    error = error_of(http.post("/v1/embeddings", json={"model": model, "input": "word " * 2500}), 400)
    assert error["param"] == "input[0]" and "2048" in error["message"]


def test_no_name_that_chooses_between_chat_models_embeds(http, small):
    error = error_of(http.post("/v1/embeddings", json={"model": "auto", "input": "x"}), 400)
    assert error["code"] == "wrong_task"
