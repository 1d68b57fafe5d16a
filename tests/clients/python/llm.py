"""PyPI llm: the command for a question, the library for the rest."""

import gc
import json
import subprocess
import sys

import llm
from tasks import TOOLS, Place

SUBJECTS = "chat stream tools structured"


def model(given):
    """A model of `extra-openai-models.yaml`, where llm looks for servers like ours. JSON is YAML."""
    entry = {"model_id": "weir", "model_name": given.model, "api_base": f"{given.url}/v1", "supports_tools": True,
             "supports_schema": True}
    llm.user_dir().mkdir(parents=True, exist_ok=True)
    (llm.user_dir() / "extra-openai-models.yaml").write_text(json.dumps([entry]))
    return llm.get_model("weir")


def words(given):
    return {"temperature": given.temperature, "max_tokens": given.tokens}


def chat(given):
    model(given)
    options = [word for name, value in words(given).items() for word in ("-o", name, str(value))]
    done = subprocess.run([sys.executable, "-m", "llm", "-m", "weir", "--no-stream", *options, given.question],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return {"text": done.stdout, "usage": None}


def stream(given):
    try:
        yield from model(given).prompt(given.question, **words(given))
    finally:
        gc.collect()  # llm has no word for giving up; what it reads from is closed when it is collected


def tools(given):
    chain = model(given).chain(given.question, tools=list(TOOLS.values()), stream=given.streamed,
                               options=words(given))
    return [response.text() for response in chain.responses()][-1]


def structured(given):
    return Place.model_validate_json(model(given).prompt(given.question, schema=Place, **words(given)).text())
