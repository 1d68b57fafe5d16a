"""What editor plugins written for llama-server send, against the real server and engine."""

import json

import pytest

from talk import SMALL, error_of, events_of

HI = "The capital of France is"


def complete(http, route="/completion", **more):
    response = http.post(route, json={"model": SMALL, "prompt": HI, "n_predict": 8, "temperature": 0} | more)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_prompt_is_continued(http, small):
    answer = complete(http)
    assert "Paris" in answer["content"] and answer["stop"] is True and answer["model"] == SMALL
    assert answer["tokens_predicted"] == 8 and answer["stop_type"] == "limit"
    assert answer["timings"]["predicted_n"] == 8 and answer["timings"]["predicted_per_second"] > 0
    assert answer["generation_settings"]["n_predict"] == 8 and answer["prompt"] == HI
    again = complete(http)
    assert again["content"] == answer["content"] and again["tokens_cached"] > 0
    assert again["tokens_evaluated"] == answer["tokens_evaluated"]
    assert complete(http, route="/completions")["content"] == answer["content"]


def test_a_stream_gives_the_same_text(http, small):
    whole = complete(http)
    with http.stream("POST", "/completion", json={"model": SMALL, "prompt": HI, "n_predict": 8, "temperature": 0,
                                                  "stream": True}) as response:
        events = list(events_of(response))
    assert "".join(event["content"] for event in events) == whole["content"]
    assert [event["stop"] for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1]["tokens_predicted"] == 8 and events[-1]["weir"]["target"] == SMALL


def test_tokens_are_told(http, small):
    told = complete(http, return_tokens=True)
    assert len(told["tokens"]) == 8 and complete(http)["tokens"] == []
    back = http.post("/detokenize", json={"model": SMALL, "tokens": told["tokens"]}).json()["content"]
    assert back == told["content"]
    with http.stream("POST", "/completion", json={"model": SMALL, "prompt": HI, "n_predict": 8, "temperature": 0,
                                                  "stream": True}) as response:
        assert [token for event in events_of(response) for token in event["tokens"]] == told["tokens"]


@pytest.mark.parametrize("bias", [[[" Paris", False]], {" Paris": False}, {" Paris": -100}])
def test_a_text_is_biased(http, small, bias):
    assert "Paris" in complete(http)["content"] and " Paris" not in complete(http, logit_bias=bias)["content"]


def test_words_end_it_and_grammars_bind_it(http, small):
    stopped = complete(http, stop=["Paris"], n_predict=20)
    assert "Paris" not in stopped["content"]
    assert (stopped["stop_type"], stopped["stopping_word"]) == ("word", "Paris")
    assert complete(http, grammar='root ::= "yes" | "no"')["content"] in ("yes", "no")
    assert isinstance(json.loads(complete(http, json_schema={"type": "integer", "minimum": 0, "maximum": 99})["content"]), int)


def test_probabilities_fields_and_several_prompts(http, small):
    answer = complete(http, n_probs=2, n_predict=3)
    tokens = answer["completion_probabilities"]
    assert len(tokens) == 3 and all(len(token["top_logprobs"]) == 2 for token in tokens)
    assert "".join(token["token"] for token in tokens) == answer["content"]
    assert set(complete(http, response_fields=["content", "timings/prompt_n", "nothing"])) == {"content", "timings/prompt_n"}
    two = complete(http, prompt=[HI, "1, 2, 3,"], n_predict=4)
    assert [one["index"] for one in two] == [0, 1] and two[0]["content"] != two[1]["content"]


def test_a_prompt_is_warmed_without_an_answer(http, small):
    text = "Rivers rise in the hills and run to the sea. " * 20
    warmed = complete(http, prompt=text, n_predict=0)
    assert warmed["content"] == "" and warmed["tokens_evaluated"] > 100
    after = complete(http, prompt=text, n_predict=1)
    assert after["tokens_cached"] >= warmed["tokens_evaluated"] - 64


def test_the_middle_is_filled_in(http, coder):
    request = {"model": coder, "input_prefix": "def area(width, height):\n    ", "input_suffix": "\n\nprint(area(2, 3))\n",
               "n_predict": 24, "temperature": 0, "cache_prompt": True, "id_slot": 0, "t_max_predict_ms": 1000}
    answer = http.post("/infill", json=request).json()
    assert "return width * height" in answer["content"]
    begun = http.post("/infill", json=request | {"prompt": "return "}).json()
    assert begun["content"].startswith("width * height")


def test_other_files_are_read_too(http, coder):
    request = {"model": coder, "input_prefix": "from names import ", "input_suffix": "\n\nprint(zebedee_total)\n",
               "n_predict": 12, "temperature": 0, "samplers": ["top_k", "top_p", "infill"], "top_k": 1}
    alone = http.post("/infill", json=request).json()
    beside = http.post("/infill", json=request | {"input_extra": [
        {"filename": "names.py", "text": "zebedee_total = 17\nother = 3\n"}]}).json()
    assert beside["content"].startswith("zebedee_total")
    assert beside["tokens_evaluated"] > alone["tokens_evaluated"] + 10
    # More than is read: what is nearest stays.
    far = [{"filename": f"f{i}.py", "text": "value = 1\n" * 4000} for i in range(4)]
    crowded = http.post("/infill", json=request | {"input_extra": far + [
        {"filename": "names.py", "text": "zebedee_total = 17\nother = 3\n"}]}).json()
    assert crowded["content"] == beside["content"] and crowded["tokens_evaluated"] == beside["tokens_evaluated"]


def test_a_line_that_is_indented_less_ends_it(http, coder):
    request = {"model": coder, "input_prefix": "class A:\n    def one(self):\n        ", "input_suffix": "",
               "n_predict": 60, "temperature": 0, "n_indent": 8}
    lines = http.post("/infill", json=request).json()["content"].split("\n")[1:]
    assert all(line.startswith(" " * 8) for line in lines if line.strip())


def test_a_model_that_cannot_fill_in_says_so(http, small):
    error = error_of(http.post("/infill", json={"model": SMALL, "input_prefix": "a", "input_suffix": "b"}), 422)
    assert error["code"] == "infill_unsupported"


def test_a_template_is_shown_and_properties_are_told(http, small):
    shown = http.post("/apply-template", json={"model": SMALL, "messages": [{"role": "user", "content": "Hello <|im_end|>"}]})
    assert shown.json()["prompt"].endswith("<|im_start|>assistant\n")
    plain = http.post("/apply-template", json={"model": SMALL, "messages": [{"role": "user", "content": "Hi"}],
                                               "chat_template_kwargs": {"enable_thinking": False}})
    assert plain.status_code == 200
    pieces = http.post("/tokenize", json={"model": SMALL, "content": "Hello there", "with_pieces": True}).json()["tokens"]
    assert "".join(token["piece"] for token in pieces) == "Hello there"
    complete(http)
    props = http.get("/props", params={"model": SMALL}).json()
    assert props["default_generation_settings"]["n_ctx"] > 0 and props["is_sleeping"] is False
    assert "<|im_start|>" in props["chat_template"] and props["total_slots"] > 0
    assert http.get("/lora-adapters").json() == []


@pytest.mark.parametrize("route,param,more", [
    ("/completion", "n_predict", {"n_predict": "5"}),
    ("/completion", "lora", {"lora": [{"id": 0, "scale": 1}]}),
    ("/completion", "cache_prompt", {"cache_prompt": False}),
    ("/completion", "temprature", {"temprature": 1}),
])
def test_what_is_wrong_is_refused_by_name(http, small, route, param, more):
    assert error_of(http.post(route, json={"model": SMALL, "prompt": HI} | more), 400)["param"] == param
