"""PyPI litellm as a client, with `openai/` before the model's name."""

import litellm_chat

SUBJECTS = "chat stream tools structured embed"

chat, stream, tools, structured = litellm_chat.chatting("openai", "/v1")
embed = litellm_chat.embedding("openai", "/v1")
