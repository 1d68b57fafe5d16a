"""The table of measures: what is run, on which model, how many pairs, and what Weir has to show."""

import dataclasses
from typing import Callable

import loads

SMALL = "smollm2:135m"
CODER = "qwen2.5-coder:0.5b"
CODER_LARGE = "qwen2.5-coder:1.5b"
EMBEDDING = "all-minilm:l6"


@dataclasses.dataclass(frozen=True)
class Goal:
    """What has to hold for one number: of the ratio Weir / peer, or of Weir's own value."""

    of: str  # "ratio" or "weir"
    at_least: float | None = None
    at_most: float | None = None
    low_end_at_least: float | None = None  # the lower end of the ratio's interval

    def met(self, ratio, weir):
        """Whether it holds; None when there is nothing to compare with."""
        value = ratio if self.of == "ratio" else weir
        if value is None:
            return None
        return ((self.at_least is None or value.median >= self.at_least) and
                (self.at_most is None or value.median <= self.at_most) and
                (self.low_end_at_least is None or value.low >= self.low_end_at_least))

    def text(self):
        parts = []
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:g}")
        if self.low_end_at_least is not None:
            parts.append(f"low end at least {self.low_end_at_least:g}")
        return ", ".join(parts) + (" times" if self.of == "ratio" else "")


@dataclasses.dataclass(frozen=True)
class Measure:
    name: str
    model: str
    run: Callable
    goals: dict
    pairs: int = 10
    peer_arguments: tuple = ("-c", "8192")
    weir_arguments: tuple = ()
    weir_cells: int | None = None  # None: what Weir chooses, the 8,192 of smollm2:135m
    # Small models that may not end soon say the same again and again, which lookup makes cheap: on only where that is
    # measured.
    weir_lookup: bool = False


SPEED = Goal("ratio", at_least=0.97, low_end_at_least=0.93)

SINGLE = [
    Measure("decode, smollm2:135m", SMALL, loads.decode, {"decode tokens/s": SPEED}),
    Measure("prefill, smollm2:135m", SMALL, loads.prefill, {"prefill tokens/s": SPEED}),
    Measure("decode, qwen2.5-coder:1.5b", CODER_LARGE, loads.decode, {"decode tokens/s": SPEED}),
    Measure("prefill, qwen2.5-coder:1.5b", CODER_LARGE, lambda s, r: loads.prefill(s, r, tokens=400),
            {"prefill tokens/s": SPEED}),
    Measure("embeddings of 2,000 sentences", EMBEDDING, loads.embed, {"embeddings/s": Goal("ratio", at_least=1.0)},
            peer_arguments=("--embeddings", "-ub", "2048")),
    Measure("decode under a schema, smollm2:135m", SMALL, loads.constrained,
            {"share of free decoding": Goal("weir", at_least=0.9)}),
    Measure("decode under a schema, qwen2.5-coder:0.5b", CODER, loads.constrained,
            {"share of free decoding": Goal("weir", at_least=0.9)}),
    Measure("rewriting a file, qwen2.5-coder:0.5b", CODER, lambda s, r: loads.with_lookup(s, r, loads.rewriting),
            {"times the rate without": Goal("weir", at_least=1.5)}, pairs=5, weir_lookup=True),
    Measure("extraction, qwen2.5-coder:0.5b", CODER, lambda s, r: loads.with_lookup(s, r, loads.extraction),
            {"times the rate without": Goal("weir", at_least=1.0)}, pairs=5, weir_lookup=True),
    Measure("prose, qwen2.5-coder:0.5b", CODER, lambda s, r: loads.with_lookup(s, r, loads.prose),
            {"times the rate without": Goal("weir", at_least=0.97)}, pairs=5, weir_lookup=True),
    Measure("classify with 3 labels, smollm2:135m", SMALL, loads.classify, {"ms": Goal("weir", at_most=100)}, pairs=5),
    Measure("classify with 3 labels, qwen2.5-coder:0.5b", CODER, loads.classify, {"ms": Goal("weir", at_most=100)}, pairs=5),
]

MANY = [
    Measure("8 clients, shared prompt", SMALL, loads.shared_prompt,
            {"requests/s": Goal("ratio", at_least=2.2), "first token p95 s": Goal("ratio", at_most=0.2),
             "memory after MiB": Goal("ratio", at_most=1.0)}, pairs=3),
    Measure("8 clients, own prompts", SMALL, loads.own_prompts, {"requests/s": Goal("ratio", at_least=1.0)}, pairs=3),
    Measure("a stream beside a foreign prompt of 3,000 tokens", SMALL, loads.gap,
            {"gap p99 ms": Goal("weir", at_most=100), "foreign first token s": Goal("ratio", at_most=1.3)}, pairs=5),
    Measure("the same stream, the peer tuned for it", SMALL, loads.gap,
            {"gap p99 ms": Goal("ratio", at_most=1.0), "foreign first token s": Goal("ratio", at_most=1.0)}, pairs=3,
            peer_arguments=("-c", "8192", "-b", "64", "-ub", "64")),
    Measure("a short request after a cancelled prompt", SMALL, loads.after_cancel,
            {"over idle ms": Goal("weir", at_most=250)}, pairs=5),
    Measure("24 clients at three times the cells", SMALL, loads.overcommit,
            {"requests/s": Goal("ratio", at_least=1.0), "failed": Goal("weir", at_most=0),
             "cut short": Goal("weir", at_most=0)}, pairs=3),
    Measure("two conversations taking turns", SMALL, loads.taking_turns,
            {"first token ms": Goal("ratio", at_most=1.0), "computed tokens a turn": Goal("weir", at_most=64)},
            pairs=3),
    Measure("agent loop of 20 turns", SMALL, loads.agent_loop,
            {"seconds": Goal("ratio", at_most=1.0), "cached share": Goal("weir", at_least=0.98)}, pairs=3),
    Measure("warm first token, 1,500 + 30 tokens", SMALL, loads.warm_first_token,
            {"first token ms": Goal("weir", at_most=150)}),
    Measure("a keystroke, smollm2:135m", SMALL, loads.keystroke, {"first token ms": Goal("weir", at_most=50)}, pairs=5),
    Measure("a keystroke, qwen2.5-coder:0.5b", CODER, loads.keystroke, {"first token ms": Goal("weir", at_most=100)},
            pairs=5),
    Measure("4 clients, chats of 3 turns, qwen2.5-coder:1.5b", CODER_LARGE, loads.chats_of_a_team,
            {"requests/s": Goal("ratio", at_least=1.3), "gap p99 ms": Goal("ratio", at_most=0.25)}, pairs=3,
            weir_cells=8192),
]

ALL = SINGLE + MANY
