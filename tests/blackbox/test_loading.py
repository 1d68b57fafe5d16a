"""A model whose engine hangs while it is loaded. The engine is a program that stands in for weir-engine and sleeps."""

import concurrent.futures
import shutil
import time

import pytest

import weir_server
from talk import error_of, http_client

ASKED = {"model": "auto", "prompt": "Once", "max_tokens": 1}
LIMIT_S = 1


@pytest.fixture
def hanging(tmp_path, stories, monkeypatch):
    """A server beside whose programs lies an engine that never says a word."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("weir", "weir-serve"):
        shutil.copy(weir_server.BUILD / "bin" / program, programs / program)
    engine = programs / "weir-engine"
    engine.write_text("#!/bin/sh\nexec sleep 600\n")
    engine.chmod(0o755)
    monkeypatch.setattr(weir_server, "WEIR", programs / "weir")
    with weir_server.Weir(tmp_path / "data", "-m", stories, environment={"WEIR_LOAD_TIMEOUT": str(LIMIT_S)}) as server:
        yield server


def sleepers(server):
    return [process for process in server.processes() if process.alive() and process.name() == "sleep"]


def test_who_waits_gets_an_error_within_the_limit_and_the_engine_is_killed(hanging):
    with http_client(hanging) as http, concurrent.futures.ThreadPoolExecutor() as pool:
        started = time.monotonic()
        answers = [pool.submit(http.post, "/v1/completions", json=ASKED) for _ in range(3)]
        answers.append(pool.submit(http.post, "/v1/completions", json=ASKED | {"stream": True}))
        for answer in answers:
            error = error_of(answer.result(), 503)
            assert error["code"] == "load_timeout" and "load_timeout" in error["message"]
        assert time.monotonic() - started < LIMIT_S + 5 * weir_server.PATIENCE
        assert weir_server.until(lambda: not sleepers(hanging))
        assert http.get("/readyz").status_code == 200


def test_a_model_that_hangs_again_and_again_is_refused_for_a_while(hanging):
    with http_client(hanging) as http:
        codes = []
        for _ in range(8):
            response = http.post("/v1/completions", json=ASKED)
            codes.append(error_of(response, 503)["code"])
            if codes[-1] == "engine_failed":
                break
            time.sleep(1.1)  # a model that failed is not tried again within a second
        assert codes[0] == "load_timeout" and codes[-1] == "engine_failed", codes
        assert int(response.headers["retry-after"]) >= 1
        assert not sleepers(hanging)
