#!/usr/bin/env python3
"""A model for whisper.cpp (the ggml format of its `models/convert-pt-to-ggml.py`) that says one sentence, whatever it hears.

  tests/scripted_whisper.py FILE

Attention does nothing here, and the only layer of the decoder is a table of which token follows which: the columns of its
second matrix point from the direction of a token to that of the next one. So a real whisper-server runs, with its windows,
time stamps and token times, and what it has to say is known.
"""

import pathlib
import struct
import sys

SENTENCE = (" The", " river", " runs", " to", " the", " sea", ".")
TEXT = "".join(SENTENCE)
SECONDS = 2  # from the first word to the last

VOCABULARY = 51865  # of a multilingual model
WORDS = 50257       # tokens of text, before those that steer
EOT, SOT, ENGLISH, TRANSLATE, TRANSCRIBE, NO_TIMES, BEGIN = 50257, 50258, 50259, 50358, 50359, 50363, 50364
STATE, AUDIO_STEPS, TEXT_STEPS, MELS, BINS = 64, 1500, 448, 80, 201
FLOAT32, FLOAT16 = 0, 1
LOOKED_FOR = (" ", " -", " '")  # by whisper.cpp, which forbids them at the beginning
FIRST = 1000        # the id of the sentence's first token


def chain():
    """{token: (next, what comes if that may not)}."""
    ids = list(range(FIRST, FIRST + len(SENTENCE)))
    end = BEGIN + SECONDS * 50  # a time stamp is 20 ms
    follows = {SOT: (ENGLISH, None), ENGLISH: (TRANSCRIBE, None), TRANSCRIBE: (BEGIN, ids[0]), TRANSLATE: (BEGIN, ids[0]),
               BEGIN: (ids[0], None), NO_TIMES: (ids[0], None), ids[-1]: (end, EOT), end: (EOT, None)}
    return follows | {token: (following, None) for token, following in zip(ids, ids[1:])}


class Writer:
    def __init__(self, file):
        self.file = file

    def numbers(self, *values):
        self.file.write(struct.pack(f"<{len(values)}i", *values))

    def tensor(self, name, shape, kind, values=None):
        """`shape` as ggml has it, the innermost first; `values` {place: value}, zero elsewhere."""
        size = 4 if kind == FLOAT32 else 2
        count = 1
        for length in shape:
            count *= length
        data = bytearray(count * size)
        for place, value in (values or {}).items():
            struct.pack_into("<f" if kind == FLOAT32 else "<e", data, place * size, value)
        self.numbers(len(shape), len(name), kind, *shape)
        self.file.write(name.encode() + data)

    def norm(self, name):
        self.tensor(f"{name}.weight", [STATE], FLOAT32, dict.fromkeys(range(STATE), 1.0))
        self.tensor(f"{name}.bias", [STATE], FLOAT32)

    def silent_attention(self, name):
        for part, biased in (("query", True), ("key", False), ("value", True), ("out", True)):
            self.tensor(f"{name}.{part}.weight", [STATE, STATE], FLOAT16)
            if biased:
                self.tensor(f"{name}.{part}.bias", [STATE], FLOAT32)

    def mlp(self, name, first=None, second=None):
        self.tensor(f"{name}.0.weight", [STATE, 4 * STATE], FLOAT16, first)
        self.tensor(f"{name}.0.bias", [4 * STATE], FLOAT32)
        self.tensor(f"{name}.2.weight", [4 * STATE, STATE], FLOAT16, second)
        self.tensor(f"{name}.2.bias", [STATE], FLOAT32)


def write(path):
    follows = chain()
    tokens = sorted(set(follows) | {token for pair in follows.values() for token in pair if token is not None})
    direction = {token: i for i, token in enumerate(tokens)}
    second = {}
    for token, (following, otherwise) in follows.items():
        second[direction[following] * 4 * STATE + direction[token]] = 10.0
        if otherwise is not None:
            second[direction[otherwise] * 4 * STATE + direction[token]] = 5.0

    words = dict(enumerate(LOOKED_FOR)) | dict(enumerate(SENTENCE, FIRST))
    with open(path, "wb") as file:
        out = Writer(file)
        out.numbers(0x67676D6C, VOCABULARY, AUDIO_STEPS, STATE, 1, 1, TEXT_STEPS, STATE, 1, 1, MELS, FLOAT16)
        out.numbers(MELS, BINS)
        file.write(bytes(4 * MELS * BINS))
        out.numbers(WORDS)
        for token in range(WORDS):
            word = words.get(token, f"<{token}>").encode()
            out.numbers(len(word))
            file.write(word)

        out.tensor("encoder.positional_embedding", [STATE, AUDIO_STEPS], FLOAT32)
        out.tensor("encoder.conv1.weight", [3, MELS, STATE], FLOAT16)
        out.tensor("encoder.conv1.bias", [1, STATE], FLOAT32)
        out.tensor("encoder.conv2.weight", [3, STATE, STATE], FLOAT16)
        out.tensor("encoder.conv2.bias", [1, STATE], FLOAT32)
        out.norm("encoder.ln_post")
        out.norm("encoder.blocks.0.mlp_ln")
        out.mlp("encoder.blocks.0.mlp")
        out.norm("encoder.blocks.0.attn_ln")
        out.silent_attention("encoder.blocks.0.attn")

        out.tensor("decoder.positional_embedding", [STATE, TEXT_STEPS], FLOAT32)
        out.tensor("decoder.token_embedding.weight", [STATE, VOCABULARY], FLOAT16,
                   {token * STATE + i: 4.0 for token, i in direction.items()})
        out.norm("decoder.ln")
        out.norm("decoder.blocks.0.mlp_ln")
        out.mlp("decoder.blocks.0.mlp", {i * STATE + i: 1.0 for i in direction.values()}, second)
        out.norm("decoder.blocks.0.attn_ln")
        out.silent_attention("decoder.blocks.0.attn")
        out.norm("decoder.blocks.0.cross_attn_ln")
        out.silent_attention("decoder.blocks.0.cross_attn")


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
