"""PyPI litellm as a client, with `ollama_chat/` before the model's name."""

import litellm_chat

SUBJECTS = "chat stream tools structured embed"

chat, stream, tools, structured = litellm_chat.chatting("ollama_chat", "")
embed = litellm_chat.embedding("ollama", "")
