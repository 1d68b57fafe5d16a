"""Models of a few hundred kilobytes with random weights, of the kinds whose memory is hard: a state that cannot be cut
(mamba), states beside cells (lfm2), a sliding window (gemma3). They say nothing sensible, but always the same, and a wrong
cell or state changes it.

    tests/tiny_models.py FOLDER STORIES260K     # writes tiny-mamba.gguf, tiny-lfm2.gguf and tiny-gemma3.gguf

An encoder, tiny-encoder.gguf, which embeds by its first token, and tiny-reranker.gguf, the same with a head that ranks.

An adapter for stories260K, tiny-lora.gguf, with tiny-merged.gguf, stories260K with it in its weights.

And projectors for it, which make rows of images: tiny-projector.gguf (LLaVA's kind: 36 rows), tiny-tiles.gguf
(InternVL's: tiles with words around them); and for the models above tiny-narrow-projector.gguf (LLaVA's) and
tiny-gemma-projector.gguf (36 rows that see each other in both directions). tiny-qwen2vl.gguf and tiny-qwen3vl.gguf have
positions of two directions; their own are tiny-qwen2vl-projector.gguf and tiny-qwen25vl-projector.gguf, and
tiny-qwen3vl-projector.gguf: 9 rows of an image of 84 by 84, more of larger ones.

The words are those of stories260K. Standard library only; the bytes are the same on every machine.
"""

import array
import math
import pathlib
import random
import struct
import sys

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, U32: 4, I32: 4, F32: 4, BOOL: 1, U64: 8, 11: 8, 12: 8}
ALIGNMENT = 32
WIDTH, LAYERS, WINDOW = 32, 4, 16


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def field(name, kind, value):
    packed = string(value) if kind == STRING else struct.pack({U32: "<I", F32: "<f", BOOL: "<?"}[kind], value)
    return string(name) + struct.pack("<I", kind) + packed


class Reader:
    """The fields of a GGUF file, as the bytes that they are."""

    def __init__(self, data):
        self.data, self.at = data, 8
        self.tensors, count = struct.unpack("<QQ", self.take(16))
        self.fields = dict(self.field() for _ in range(count))

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def text(self):
        return self.take(struct.unpack("<Q", self.take(8))[0])

    def skip(self, kind):
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            inner, count = struct.unpack("<IQ", self.take(12))
            for _ in range(count):
                self.skip(inner)
        else:
            self.take(SIZES[kind])

    def field(self):
        start = self.at
        name = self.text().decode()
        self.skip(struct.unpack("<I", self.take(4))[0])
        return name, self.data[start:self.at]


def write(path, fields, tensors):
    """tensors: (name, shape with the fastest first, a function that gives its numbers)."""
    head, data = b"", b""
    for name, shape, numbers in tensors:
        head += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        count = 1
        for size in shape:
            count *= size
        values = array.array("f", numbers(count))
        if sys.byteorder == "big":
            values.byteswap()
        data += values.tobytes()
        data += bytes(-len(data) % ALIGNMENT)
    whole = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields)) + b"".join(fields) + head
    path.write_bytes(whole + bytes(-len(whole) % ALIGNMENT) + data)


def spread(rng, by):
    return lambda count: [rng.gauss(0, by) for _ in range(count)]


def ones(count):
    return [1.0] * count


def zeros(count):
    return [0.0] * count


def mamba(path, words, vocabulary):
    rng = random.Random(1)
    inner, state, rank, kernel = 2 * WIDTH, 8, 4, 4
    fields = [field("general.architecture", STRING, "mamba"), field("mamba.context_length", U32, 4096),
              field("mamba.embedding_length", U32, WIDTH), field("mamba.feed_forward_length", U32, 0),
              field("mamba.attention.head_count", U32, 0), field("mamba.block_count", U32, LAYERS),
              field("mamba.ssm.conv_kernel", U32, kernel), field("mamba.ssm.inner_size", U32, inner),
              field("mamba.ssm.state_size", U32, state), field("mamba.ssm.time_step_rank", U32, rank),
              field("mamba.attention.layer_norm_rms_epsilon", F32, 1e-5), *words]
    tensors = [("token_embd.weight", (WIDTH, vocabulary), spread(rng, 1.0)), ("output_norm.weight", (WIDTH,), ones),
               ("output.weight", (WIDTH, vocabulary), spread(rng, 0.5))]
    for layer in range(LAYERS):
        tensors += [(f"blk.{layer}.{name}", shape, numbers) for name, shape, numbers in [
            ("attn_norm.weight", (WIDTH,), ones),
            ("ssm_in.weight", (WIDTH, 2 * inner), spread(rng, 0.2)),
            ("ssm_conv1d.weight", (kernel, inner), spread(rng, 0.5)),
            ("ssm_conv1d.bias", (inner,), spread(rng, 0.1)),
            ("ssm_x.weight", (inner, rank + 2 * state), spread(rng, 0.3)),
            ("ssm_dt.weight", (rank, inner), spread(rng, 0.3)),
            ("ssm_dt.bias", (inner,), spread(rng, 0.1)),
            ("ssm_a", (state, inner), lambda count: [-0.1 - 0.2 * rng.random() for _ in range(count)]),
            ("ssm_d", (inner,), ones),
            ("ssm_out.weight", (inner, WIDTH), spread(rng, 0.2))]]
    write(path, fields, tensors)


def lfm2(path, words, vocabulary):
    rng = random.Random(3)
    heads, size, hidden, kernel = 2, 16, 64, 3
    of_keys = [0, 1] * (LAYERS // 2)  # none: the layer has a state
    fields = [field("general.architecture", STRING, "lfm2"), field("lfm2.context_length", U32, 4096),
              field("lfm2.embedding_length", U32, WIDTH), field("lfm2.feed_forward_length", U32, hidden),
              field("lfm2.attention.head_count", U32, heads),
              string("lfm2.attention.head_count_kv") + struct.pack(f"<IIQ{LAYERS}i", ARRAY, I32, LAYERS, *of_keys),
              field("lfm2.block_count", U32, LAYERS), field("lfm2.shortconv.l_cache", U32, kernel),
              field("lfm2.rope.freq_base", F32, 1e6), field("lfm2.vocab_size", U32, vocabulary),
              field("lfm2.attention.layer_norm_rms_epsilon", F32, 1e-5), *words]
    tensors = [("token_embd.weight", (WIDTH, vocabulary), spread(rng, 1.0)), ("token_embd_norm.weight", (WIDTH,), ones),
               ("output.weight", (WIDTH, vocabulary), spread(rng, 0.5))]
    for layer, keys in enumerate(of_keys):
        own = [("attn_q", (WIDTH, heads * size), spread(rng, 0.3)), ("attn_k", (WIDTH, size), spread(rng, 0.3)),
               ("attn_v", (WIDTH, size), spread(rng, 0.3)), ("attn_output", (WIDTH, WIDTH), spread(rng, 0.3)),
               ("attn_q_norm", (size,), ones), ("attn_k_norm", (size,), ones)] if keys else [
               ("shortconv.conv", (kernel, WIDTH), spread(rng, 0.5)),
               ("shortconv.in_proj", (WIDTH, 3 * WIDTH), spread(rng, 0.3)),
               ("shortconv.out_proj", (WIDTH, WIDTH), spread(rng, 0.3))]
        tensors += [(f"blk.{layer}.{name}.weight", shape, numbers) for name, shape, numbers in [
            ("attn_norm", (WIDTH,), ones), *own, ("ffn_norm", (WIDTH,), ones),
            ("ffn_gate", (WIDTH, hidden), spread(rng, 0.2)), ("ffn_up", (WIDTH, hidden), spread(rng, 0.2)),
            ("ffn_down", (hidden, WIDTH), spread(rng, 0.2))]]
    write(path, fields, tensors)


def gemma3(path, words, vocabulary):
    rng = random.Random(2)
    heads, size, hidden = 2, 16, 64
    fields = [field("general.architecture", STRING, "gemma3"), field("gemma3.context_length", U32, 4096),
              field("gemma3.embedding_length", U32, WIDTH), field("gemma3.feed_forward_length", U32, hidden),
              field("gemma3.attention.head_count", U32, heads), field("gemma3.attention.head_count_kv", U32, 1),
              field("gemma3.attention.key_length", U32, size), field("gemma3.attention.value_length", U32, size),
              field("gemma3.attention.sliding_window", U32, WINDOW), field("gemma3.block_count", U32, LAYERS),
              field("gemma3.rope.freq_base", F32, 1e6),
              field("gemma3.attention.layer_norm_rms_epsilon", F32, 1e-6), *words]
    tensors = [("token_embd.weight", (WIDTH, vocabulary), spread(rng, 0.3)), ("output_norm.weight", (WIDTH,), ones),
               ("output.weight", (WIDTH, vocabulary), spread(rng, 0.5))]
    for layer in range(LAYERS):
        tensors += [(f"blk.{layer}.{name}.weight", shape, numbers) for name, shape, numbers in [
            ("attn_norm", (WIDTH,), ones), ("attn_q", (WIDTH, heads * size), spread(rng, 0.3)),
            ("attn_k", (WIDTH, size), spread(rng, 0.3)), ("attn_v", (WIDTH, size), spread(rng, 0.3)),
            ("attn_output", (heads * size, WIDTH), spread(rng, 0.3)), ("attn_q_norm", (size,), ones),
            ("attn_k_norm", (size,), ones), ("post_attention_norm", (WIDTH,), ones), ("ffn_norm", (WIDTH,), ones),
            ("ffn_gate", (WIDTH, hidden), spread(rng, 0.2)), ("ffn_up", (WIDTH, hidden), spread(rng, 0.2)),
            ("ffn_down", (hidden, WIDTH), spread(rng, 0.2)), ("post_ffw_norm", (WIDTH,), ones)]]
    write(path, fields, tensors)


def qwen_vl(path, words, vocabulary, third):
    """Qwen2.5-VL, or Qwen3-VL, to whose first layer images say something of their own."""
    rng = random.Random(7)
    name = "qwen3vl" if third else "qwen2vl"
    heads, hidden, layers = 2, 64, 2
    size = WIDTH // heads
    sections = struct.pack("<IIQ4i", ARRAY, I32, 4, 2, 3, 3, 0)
    fields = [field("general.architecture", STRING, name), field(f"{name}.context_length", U32, 4096),
              field(f"{name}.embedding_length", U32, WIDTH), field(f"{name}.feed_forward_length", U32, hidden),
              field(f"{name}.attention.head_count", U32, heads), field(f"{name}.attention.head_count_kv", U32, heads),
              # Low, so that all directions count.
              field(f"{name}.block_count", U32, layers), field(f"{name}.rope.freq_base", F32, 100),
              string(f"{name}.rope.dimension_sections") + sections, field(f"{name}.n_deepstack_layers", U32, int(third)),
              field(f"{name}.attention.layer_norm_rms_epsilon", F32, 1e-6), *words]
    tensors = [("token_embd.weight", (WIDTH, vocabulary), spread(rng, 1.0)), ("output_norm.weight", (WIDTH,), ones),
               ("output.weight", (WIDTH, vocabulary), spread(rng, 0.5))]
    for layer in range(layers):
        of_heads = [("attn_q_norm.weight", (size,), ones), ("attn_k_norm.weight", (size,), ones)] if third else [
            (f"attn_{each}.bias", (WIDTH,), zeros) for each in "qkv"]
        tensors += [(f"blk.{layer}.{part}", shape, numbers) for part, shape, numbers in [
            ("attn_norm.weight", (WIDTH,), ones), ("ffn_norm.weight", (WIDTH,), ones),
            *((f"attn_{each}.weight", (WIDTH, WIDTH), spread(rng, 0.5)) for each in "qkv"), *of_heads,
            ("attn_output.weight", (WIDTH, WIDTH), spread(rng, 0.3)),
            ("ffn_gate.weight", (WIDTH, hidden), spread(rng, 0.2)), ("ffn_up.weight", (WIDTH, hidden), spread(rng, 0.2)),
            ("ffn_down.weight", (hidden, WIDTH), spread(rng, 0.2))]]
    write(path, fields, tensors)


def tensors_of(data):
    """{name: (shape, its numbers)} of a file that holds nothing but F32."""
    reader = Reader(data)
    infos = []
    for _ in range(reader.tensors):
        name = reader.text().decode()
        (dimensions,) = struct.unpack("<I", reader.take(4))
        shape = struct.unpack(f"<{dimensions}Q", reader.take(8 * dimensions))
        kind, offset = struct.unpack("<IQ", reader.take(12))
        assert kind == 0, f"{name} is not F32"
        infos.append((name, shape, offset))
    start = reader.at + -reader.at % ALIGNMENT
    out = {}
    for name, shape, offset in infos:
        numbers = array.array("f")
        numbers.frombytes(data[start + offset:start + offset + 4 * math.prod(shape)])
        if sys.byteorder == "big":
            numbers.byteswap()
        out[name] = shape, numbers
    return out


def lora(folder, data):
    """A LoRA for stories260K, and the model that it makes of it when it is added to the weights."""
    rng = random.Random(4)
    rank, alpha = 2, 4.0
    known, tensors = Reader(data), tensors_of(data)
    pairs = []
    for name, (shape, numbers) in tensors.items():
        if not name.endswith(("attn_q.weight", "attn_v.weight", "ffn_down.weight")):
            continue
        columns, rows = shape
        first = [rng.gauss(0, 0.3) for _ in range(rank * columns)]  # rank rows
        second = [rng.gauss(0, 0.3) for _ in range(rows * rank)]
        pairs += [(name + ".lora_a", (columns, rank), lambda _, of=first: of),
                  (name + ".lora_b", (rank, rows), lambda _, of=second: of)]
        for row in range(rows):
            for column in range(columns):
                numbers[row * columns + column] += alpha / rank * sum(
                    second[row * rank + i] * first[i * columns + column] for i in range(rank))
    write(folder / "tiny-lora.gguf",
          [field("general.architecture", STRING, "llama"), field("general.type", STRING, "adapter"),
           field("adapter.type", STRING, "lora"), field("adapter.lora.alpha", F32, alpha)], pairs)
    write(folder / "tiny-merged.gguf", list(known.fields.values()),
          [(name, shape, lambda _, of=numbers: of) for name, (shape, numbers) in tensors.items()])


RANK_HEAD = [0.2 * (-1) ** i * (1 + i % 5) for i in range(WIDTH)]
RANK_BIAS = 0.25


def encoder(path, words, vocabulary, ranks):
    """BERT with the words of another model. Its last norm has no weights of its own: a vector is of length sqrt(WIDTH) before
    it is made one of length 1, so that what the head makes of it can be computed from the embedding."""
    rng = random.Random(5)
    heads, hidden, pooled = 4, 64, {False: 2, True: 4}  # LLAMA_POOLING_TYPE_CLS and _RANK
    own = ("tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token", "tokenizer.ggml.seperator_token_id")
    fields = [field("general.architecture", STRING, "bert"), field("bert.context_length", U32, 128),
              field("bert.embedding_length", U32, WIDTH), field("bert.feed_forward_length", U32, hidden),
              field("bert.attention.head_count", U32, heads), field("bert.block_count", U32, 2),
              field("bert.attention.layer_norm_epsilon", F32, 1e-12), field("bert.attention.causal", BOOL, False),
              field("bert.pooling_type", U32, pooled[ranks]),
              field("tokenizer.ggml.token_type_count", U32, 2),
              *(raw for raw in words if not any(string(name) in raw for name in own)),
              field(own[0], BOOL, True), field(own[1], BOOL, True), field(own[2], U32, 2)]
    tensors = [("token_embd.weight", (WIDTH, vocabulary), spread(rng, 1.0)), ("token_types.weight", (WIDTH, 2), spread(rng, 0.1)),
               ("position_embd.weight", (WIDTH, 128), spread(rng, 0.3)), ("token_embd_norm.weight", (WIDTH,), ones),
               ("token_embd_norm.bias", (WIDTH,), zeros)]
    for layer in range(2):
        for name, shape in [("attn_q", (WIDTH, WIDTH)), ("attn_k", (WIDTH, WIDTH)), ("attn_v", (WIDTH, WIDTH)),
                            ("attn_output", (WIDTH, WIDTH)), ("ffn_up", (WIDTH, hidden)), ("ffn_down", (hidden, WIDTH))]:
            tensors += [(f"blk.{layer}.{name}.weight", shape, spread(rng, 0.3)), (f"blk.{layer}.{name}.bias", shape[1:], zeros)]
        for name in ("attn_output_norm", "layer_output_norm"):
            tensors += [(f"blk.{layer}.{name}.weight", (WIDTH,), ones), (f"blk.{layer}.{name}.bias", (WIDTH,), zeros)]
    if ranks:
        tensors += [("cls.output.weight", (WIDTH, 1), lambda _: RANK_HEAD), ("cls.output.bias", (1,), lambda _: [RANK_BIAS])]
    write(path, fields, tensors)


def projector(path, kind, width):
    """The vision half of a model with embeddings of `width`: one layer of a vision transformer, and what makes its patches rows of
    the language model."""
    rng = random.Random(6)
    inner, heads, hidden, side = 16, 2, 32, 84
    patch = 7 if kind == "gemma3" else 14
    patches = (side // patch) ** 2
    turned, third = kind.startswith("qwen"), kind.startswith("qwen3")  # parts are placed by RoPE, in two directions
    layers = 2 if kind in ("mlp", "qwen2.5vl_merger") else 1
    classed = kind in ("mlp", "internvl")
    merge = 1 if kind == "mlp" else 2
    ones3 = struct.pack("<IIQ3f", ARRAY, F32, 3, 0.5, 0.5, 0.5)
    fields = [field("general.architecture", STRING, "clip"), field("general.type", STRING, "mmproj"),
              field("clip.has_vision_encoder", BOOL, True), field("clip.projector_type", STRING, kind),
              field("clip.use_gelu", BOOL, True), field("clip.vision.image_size", U32, side),
              field("clip.vision.patch_size", U32, patch), field("clip.vision.embedding_length", U32, inner),
              field("clip.vision.feed_forward_length", U32, hidden), field("clip.vision.projection_dim", U32, width),
              # Of LLaVA the last layer is left out.
              field("clip.vision.block_count", U32, layers),
              field("clip.vision.attention.head_count", U32, heads),
              field("clip.vision.attention.layer_norm_epsilon", F32, 1e-5),
              field("clip.vision.projector.scale_factor", U32, merge),
              string("clip.vision.image_mean") + ones3, string("clip.vision.image_std") + ones3]
    if kind == "qwen2.5vl_merger":  # in one of two layers, parts see those of their window
        fields += [field("clip.vision.n_wa_pattern", U32, 2)]
    tensors = [("v.patch_embd.weight", (patch, patch, 3, inner), spread(rng, 0.1))]
    if turned:
        tensors += [("v.patch_embd.weight.1", (patch, patch, 3, inner), spread(rng, 0.1))]
    if third:
        tensors += [("v.patch_embd.bias", (inner,), zeros)]
    if third or not turned:
        tensors += [("v.position_embd.weight", (inner, patches + classed), spread(rng, 0.3))]
    if classed:
        tensors += [("v.class_embd", (inner,), spread(rng, 0.3))]
    else:
        tensors += [("v.post_ln.weight", (inner,), ones), ("v.post_ln.bias", (inner,), zeros)]
    for layer in range(layers):
        looks = [("attn_qkv", (inner, 3 * inner))] if third else [(f"attn_{each}", (inner, inner)) for each in "qkv"]
        for name, shape in [*looks, ("attn_out", (inner, inner)), ("ffn_up", (inner, hidden)), ("ffn_down", (hidden, inner))]:
            tensors += [(f"v.blk.{layer}.{name}.weight", shape, spread(rng, 0.3)),
                        (f"v.blk.{layer}.{name}.bias", shape[1:], zeros)]
        for name in ("ln1", "ln2"):
            tensors += [(f"v.blk.{layer}.{name}.weight", (inner,), ones), (f"v.blk.{layer}.{name}.bias", (inner,), zeros)]
    joined = inner * merge * merge
    if third:
        for name, shape in [("fc1", (joined, hidden)), ("fc2", (hidden, width))]:
            tensors += [(f"v.deepstack.0.{name}.weight", shape, spread(rng, 0.3)), (f"v.deepstack.0.{name}.bias", shape[1:], zeros)]
        tensors += [("v.deepstack.0.norm.weight", (joined,), ones), ("v.deepstack.0.norm.bias", (joined,), zeros)]
    if kind == "mlp" or turned:
        tensors += [("mm.0.weight", (joined, hidden), spread(rng, 0.5)), ("mm.0.bias", (hidden,), zeros),
                    ("mm.2.weight", (hidden, width), spread(rng, 0.5)), ("mm.2.bias", (width,), zeros)]
    elif kind == "internvl":
        tensors += [("mm.model.mlp.0.weight", (joined,), ones), ("mm.model.mlp.0.bias", (joined,), zeros),
                    ("mm.model.mlp.1.weight", (joined, hidden), spread(rng, 0.2)), ("mm.model.mlp.1.bias", (hidden,), zeros),
                    ("mm.model.mlp.3.weight", (hidden, width), spread(rng, 0.3)), ("mm.model.mlp.3.bias", (width,), zeros)]
    else:
        tensors += [("mm.input_projection.weight", (width, inner), spread(rng, 0.3)), ("mm.soft_emb_norm.weight", (inner,), ones)]
    write(path, fields, tensors)


def write_all(folder, stories):
    """`stories`: the file of stories260K."""
    known = Reader(stories.read_bytes())
    words = [raw for name, raw in known.fields.items() if name.startswith("tokenizer.")]
    tokens = known.fields["tokenizer.ggml.tokens"]
    vocabulary = struct.unpack_from("<Q", tokens, 8 + len("tokenizer.ggml.tokens") + 8)[0]
    folder.mkdir(parents=True, exist_ok=True)
    mamba(folder / "tiny-mamba.gguf", words, vocabulary)
    lfm2(folder / "tiny-lfm2.gguf", words, vocabulary)
    gemma3(folder / "tiny-gemma3.gguf", words, vocabulary)
    encoder(folder / "tiny-encoder.gguf", words, vocabulary, ranks=False)
    encoder(folder / "tiny-reranker.gguf", words, vocabulary, ranks=True)
    lora(folder, stories.read_bytes())
    (embedding,) = struct.unpack("<I", known.fields["llama.embedding_length"][-4:])
    for name, kind in [("projector", "mlp"), ("tiles", "internvl")]:
        projector(folder / f"tiny-{name}.gguf", kind, embedding)
    for name, kind in [("narrow-projector", "mlp"), ("gemma-projector", "gemma3"), ("qwen2vl-projector", "qwen2vl_merger"),
                       ("qwen25vl-projector", "qwen2.5vl_merger"), ("qwen3vl-projector", "qwen3vl_merger")]:
        projector(folder / f"tiny-{name}.gguf", kind, WIDTH)
    qwen_vl(folder / "tiny-qwen2vl.gguf", words, vocabulary, third=False)
    qwen_vl(folder / "tiny-qwen3vl.gguf", words, vocabulary, third=True)


if __name__ == "__main__":
    write_all(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
