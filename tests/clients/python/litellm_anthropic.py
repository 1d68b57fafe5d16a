"""PyPI litellm as a client, with `anthropic/` before the model's name."""

import litellm_chat

SUBJECTS = "chat stream tools structured"

chat, stream, tools, structured = litellm_chat.chatting("anthropic", "")
