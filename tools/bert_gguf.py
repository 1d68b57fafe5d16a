"""A sentence embedder of the BERT family from safetensors and vocab.txt into GGUF, standard library only.

The result is a pure function of the inputs, byte for byte on every machine and Python: the catalogue holds its sha256.
Matrices become F16 (round half to even), vectors and the position and token-type tables stay F32, as llama.cpp's own
converter has it. Names of keys and tensors are those that llama.cpp's `bert` architecture reads.
"""

import json
import struct

ALIGNMENT = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
TYPE_F32, TYPE_F16 = 0, 1
FILE_TYPE_MOSTLY_F16 = 1
TOKEN_NORMAL, TOKEN_CONTROL = 1, 3
POOLING_MEAN = 1
CHUNK = 1 << 16  # numbers converted at a time
HEADER_MAX = 16 << 20

LAYER_TENSORS = {
    "attn_q": "attention.self.query",
    "attn_k": "attention.self.key",
    "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense",
    "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense",
    "layer_output_norm": "output.LayerNorm",
}


def _string(text):
    data = text.encode("utf-8") if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    return {U32: lambda: struct.pack("<I", value), F32: lambda: struct.pack("<f", value),
            BOOL: lambda: struct.pack("<?", value), STRING: lambda: _string(value)}[kind]()


def _array(kind, values):
    head = struct.pack("<IQ", kind, len(values))
    if kind == STRING:
        return head + b"".join(_string(v) for v in values)
    return head + struct.pack(f"<{len(values)}i", *values)


def _phantom(token, kind):
    """WordPiece marks what continues a word ("##s"); llama.cpp marks what starts one."""
    if kind == TOKEN_CONTROL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def _names(layers):
    """(GGUF name, safetensors name) in the order of the file."""
    yield "token_embd.weight", "embeddings.word_embeddings.weight"
    yield "position_embd.weight", "embeddings.position_embeddings.weight"
    yield "token_types.weight", "embeddings.token_type_embeddings.weight"
    for part in ("weight", "bias"):
        yield f"token_embd_norm.{part}", f"embeddings.LayerNorm.{part}"
    for layer in range(layers):
        for ours, theirs in LAYER_TENSORS.items():
            for part in ("weight", "bias"):
                yield f"blk.{layer}.{ours}.{part}", f"encoder.layer.{layer}.{theirs}.{part}"


def _read_header(weights):
    (length,) = struct.unpack("<Q", weights.read(8))
    if length > HEADER_MAX:
        raise ValueError(f"the safetensors header claims {length} bytes; at most {HEADER_MAX} are read")
    header = json.loads(weights.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def _write_floats(out, data, half):
    if not half:
        out(data)
        return
    for start in range(0, len(data), 4 * CHUNK):
        piece = data[start:start + 4 * CHUNK]
        count = len(piece) // 4
        out(struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", piece)))


def convert(weights, vocabulary, config, name, licence, write):
    """Reads `weights` (seekable binary file), `vocabulary` (bytes of vocab.txt) and `config` (config.json as a dict);
    hands the GGUF file to `write` in pieces. Raises ValueError or KeyError when the input is not such a model."""
    header, base = _read_header(weights)
    layers = config["num_hidden_layers"]
    tokens = vocabulary.decode("utf-8").rstrip("\n").split("\n")
    if len(tokens) != config["vocab_size"]:
        raise ValueError(f"vocab.txt has {len(tokens)} tokens, config.json says {config['vocab_size']}")
    special = {word: tokens.index(word) for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
    kinds = [TOKEN_CONTROL if t in special else TOKEN_NORMAL for t in tokens]

    scalars = [
        ("general.architecture", STRING, "bert"),
        ("general.type", STRING, "model"),
        ("general.name", STRING, name),
        ("general.license", STRING, licence),
        ("general.file_type", U32, FILE_TYPE_MOSTLY_F16),
        ("bert.block_count", U32, layers),
        ("bert.context_length", U32, config["max_position_embeddings"]),
        ("bert.embedding_length", U32, config["hidden_size"]),
        ("bert.feed_forward_length", U32, config["intermediate_size"]),
        ("bert.attention.head_count", U32, config["num_attention_heads"]),
        ("bert.attention.layer_norm_epsilon", F32, config["layer_norm_eps"]),
        ("bert.attention.causal", BOOL, False),
        ("bert.pooling_type", U32, POOLING_MEAN),
        ("tokenizer.ggml.model", STRING, "bert"),
        ("tokenizer.ggml.token_type_count", U32, config["type_vocab_size"]),
        ("tokenizer.ggml.unknown_token_id", U32, special["[UNK]"]),
        ("tokenizer.ggml.seperator_token_id", U32, special["[SEP]"]),  # spelled so in the format
        ("tokenizer.ggml.padding_token_id", U32, special["[PAD]"]),
        ("tokenizer.ggml.cls_token_id", U32, special["[CLS]"]),
        ("tokenizer.ggml.mask_token_id", U32, special["[MASK]"]),
        ("tokenizer.ggml.bos_token_id", U32, special["[CLS]"]),
        ("tokenizer.ggml.eos_token_id", U32, special["[SEP]"]),
    ]
    metadata = [_string(key) + struct.pack("<I", kind) + _value(kind, value) for key, kind, value in scalars]
    metadata.append(_string("tokenizer.ggml.tokens") + struct.pack("<I", ARRAY)
                    + _array(STRING, [_phantom(t, k) for t, k in zip(tokens, kinds)]))
    metadata.append(_string("tokenizer.ggml.token_type") + struct.pack("<I", ARRAY) + _array(I32, kinds))

    infos, plan, offset = [], [], 0
    for ours, theirs in _names(layers):
        entry = header[theirs]
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        count = 1
        for dimension in shape:
            count *= dimension
        if entry["dtype"] != "F32" or end - begin != 4 * count:
            raise ValueError(f"tensor {theirs} is not F32 of shape {shape}")
        half = len(shape) == 2 and ours not in ("position_embd.weight", "token_types.weight")
        size = count * (2 if half else 4)
        infos.append(_string(ours) + struct.pack("<I", len(shape))
                     + struct.pack(f"<{len(shape)}Q", *reversed(shape))
                     + struct.pack("<IQ", TYPE_F16 if half else TYPE_F32, offset))
        plan.append((base + begin, end - begin, half, size))
        offset += size + (-size) % ALIGNMENT

    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(metadata)) + b"".join(metadata) + b"".join(infos)
    write(head + bytes((-len(head)) % ALIGNMENT))
    for position, length, half, size in plan:
        weights.seek(position)
        data = weights.read(length)
        if len(data) != length:
            raise ValueError("the safetensors file ends inside a tensor")
        _write_floats(write, data, half)
        write(bytes((-size) % ALIGNMENT))
