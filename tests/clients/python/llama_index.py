"""PyPI llama-index-llms-openai-like, and llama-index-embeddings-openai-like."""

import httpx
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from tasks import TOOLS, TURNS_MAX, Place

SUBJECTS = "chat stream tools structured embed"


def model(given, **more):
    return OpenAILike(**more, model=given.model, api_base=f"{given.url}/v1", api_key="none", is_chat_model=True,
                      is_function_calling_model=True, context_window=4096, max_retries=0, timeout=600,
                      temperature=given.temperature, max_tokens=given.tokens)


def chat(given):
    answer = model(given).chat([ChatMessage(role="user", content=given.question)])
    return {"text": answer.message.content, "usage": [answer.raw.usage.prompt_tokens, answer.raw.usage.completion_tokens]}


def stream(given):
    # LlamaIndex holds on to an answer that is not read to its end; its HTTP client is what ends it.
    with httpx.Client(timeout=600) as http:
        for part in model(given, http_client=http).stream_chat([ChatMessage(role="user", content=given.question)]):
            if part.delta:
                yield part.delta


def tools(given):
    asked = model(given)
    own = {name: FunctionTool.from_defaults(function) for name, function in TOOLS.items()}
    messages = [ChatMessage(role="user", content=given.question)]
    for _ in range(TURNS_MAX):
        if given.streamed:
            *_, answer = asked.stream_chat_with_tools(list(own.values()), chat_history=messages,
                                                      allow_parallel_tool_calls=True)
        else:
            answer = asked.chat_with_tools(list(own.values()), chat_history=messages, allow_parallel_tool_calls=True)
        calls = asked.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
        if not calls:
            return answer.message.content
        messages.append(answer.message)
        for call in calls:
            result = own[call.tool_name](**call.tool_kwargs)
            messages.append(ChatMessage(role="tool", content=result.content,
                                        additional_kwargs={"tool_call_id": call.tool_id}))
    raise AssertionError("the model calls tools without end")


def structured(given):
    return model(given).structured_predict(Place, PromptTemplate("{question}"), question=given.question)


def embed(given):
    embedding = OpenAILikeEmbedding(model_name=given.embedding, api_base=f"{given.url}/v1", api_key="none", max_retries=0)
    return embedding.get_text_embedding_batch(given.texts)
