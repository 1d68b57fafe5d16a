"""PyPI pydantic-ai-slim with its openai model."""

from pydantic_ai import Agent, Embedder, NativeOutput, ToolOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from tasks import TOOLS, Place

SUBJECTS = "chat stream tools structured embed"


def provider(given):
    return OpenAIProvider(base_url=f"{given.url}/v1", api_key="none")


def agent(given, **more):
    return Agent(OpenAIChatModel(given.model, provider=provider(given)), **more,
                 model_settings={"temperature": given.temperature, "max_tokens": given.tokens})


async def chat(given):
    result = await agent(given).run(given.question)
    return {"text": result.output, "usage": [result.usage.input_tokens, result.usage.output_tokens]}


async def stream(given):
    async with agent(given).run_stream(given.question) as result:
        async for piece in result.stream_text(delta=True, debounce_by=None):
            yield piece


async def tools(given):
    asked = agent(given, tools=list(TOOLS.values()))
    if not given.streamed:
        return (await asked.run(given.question)).output
    # Not run_stream: that takes a text before a call for the whole answer.
    async with asked.run_stream_events(given.question) as events:
        *_, last = [event async for event in events]
    return last.result.output


async def structured(given):
    """By a call and by a format."""
    by_call = await agent(given, output_type=ToolOutput(Place)).run(given.question)
    by_format = await agent(given, output_type=NativeOutput(Place)).run(given.question)
    assert isinstance(by_call.output, Place)
    return by_format.output


async def embed(given):
    embedder = Embedder(OpenAIEmbeddingModel(given.embedding, provider=provider(given)))
    return (await embedder.embed_documents(given.texts)).embeddings
