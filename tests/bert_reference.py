"""A second implementation of sentence embedders of the BERT family: file, tokenizer and network in numpy alone.

Written from the papers and from Google's BERT (WordPiece after basic tokenisation, post-norm encoder, exact GELU), so that
it can disagree with libllama, and with our own reader of GGUF files. Slow and plain: one text at a time.
"""

import math
import struct
import unicodedata

import numpy

MAGIC = b"GGUF"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
TENSOR_TYPES = {0: numpy.float32, 1: numpy.float16}
WORD_START = "\u2581"  # how the file marks a token that starts a word
WORD_MAX = 100  # characters; a longer word is unknown


class Gguf:
    """Metadata and tensors of a file whose tensors are F32 or F16."""

    def __init__(self, path):
        self.data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
        self.at = 0
        assert bytes(self.data[:4]) == MAGIC
        self.at = 4
        _, tensors, pairs = self._take("IQQ")
        self.metadata = {self._string(): self._value(self._take("I")[0]) for _ in range(pairs)}
        infos = [self._info() for _ in range(tensors)]
        alignment = self.metadata.get("general.alignment", 32)
        base = -(-self.at // alignment) * alignment
        self.tensors = {name: self._tensor(base + offset, shape, kind) for name, shape, kind, offset in infos}

    def _take(self, form):
        size = struct.calcsize("<" + form)
        values = struct.unpack("<" + form, bytes(self.data[self.at:self.at + size]))
        self.at += size
        return values

    def _string(self):
        (length,) = self._take("Q")
        self.at += length
        return bytes(self.data[self.at - length:self.at]).decode()

    def _value(self, kind):
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            inner, count = self._take("IQ")
            return [self._value(inner) for _ in range(count)]
        return self._take(SCALARS[kind])[0]

    def _info(self):
        name = self._string()
        (dimensions,) = self._take("I")
        shape = self._take(f"{dimensions}Q")
        kind, offset = self._take("IQ")
        return name, tuple(reversed(shape)), kind, offset

    def _tensor(self, start, shape, kind):
        numbers = TENSOR_TYPES[kind]
        size = math.prod(shape) * numpy.dtype(numbers).itemsize
        return numpy.frombuffer(bytes(self.data[start:start + size]), numbers).astype(numpy.float32).reshape(shape)


def is_cjk(character):
    return any(low <= ord(character) <= high for low, high in (
        (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
        (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)))


def is_punctuation(character):
    code = ord(character)
    ascii_symbol = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_symbol or unicodedata.category(character).startswith("P")


def is_dropped(character):
    return character in "\0\ufffd" or (unicodedata.category(character) in ("Cc", "Cf") and character not in "\t\n\r")


def words_of(text):
    """Lower case, without accents; punctuation and Chinese characters are words of their own."""
    text = "".join(" " if c in "\t\n\r" or unicodedata.category(c) == "Zs" else c for c in text if not is_dropped(c))
    text = unicodedata.normalize("NFD", text.lower())
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if is_punctuation(c) or is_cjk(c) else c for c in text).split()


class WordPiece:
    def __init__(self, tokens):
        def plain(token):
            if token.startswith("[") and token.endswith("]") and len(token) > 2:
                return token
            return token[1:] if token.startswith(WORD_START) else "##" + token

        self.ids = {plain(token): i for i, token in enumerate(tokens)}
        self.unknown, self.first, self.last = (self.ids[name] for name in ("[UNK]", "[CLS]", "[SEP]"))

    def _pieces(self, word):
        """The longest known beginning, again and again; a word with a part that is unknown is unknown."""
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self.ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return [self.unknown]
            pieces.append(piece)
            start = end
        return pieces if len(word) <= WORD_MAX else [self.unknown]

    def __call__(self, text):
        return [self.first, *(piece for word in words_of(text) for piece in self._pieces(word)), self.last]


def erf(x):
    """Abramowitz and Stegun 7.1.26, to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * numpy.abs(x))
    tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return numpy.sign(x) * (1 - tail * numpy.exp(-x * x))


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


class SentenceEmbedder:
    """Mean of the last layer over all tokens, of unit length."""

    def __init__(self, path):
        file = Gguf(path)
        assert file.metadata["general.architecture"] == "bert" and file.metadata["bert.pooling_type"] == 1
        self.weights = file.tensors
        self.layers = file.metadata["bert.block_count"]
        self.heads = file.metadata["bert.attention.head_count"]
        self.epsilon = file.metadata["bert.attention.layer_norm_epsilon"]
        self.tokens = WordPiece(file.metadata["tokenizer.ggml.tokens"])

    def _linear(self, name, x):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, name, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / numpy.sqrt((centred * centred).mean(axis=-1, keepdims=True) + self.epsilon)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _attention(self, layer, x):
        def split(part):  # heads first
            return self._linear(f"{layer}.{part}", x).reshape(len(x), self.heads, -1).transpose(1, 0, 2)

        query, key, value = split("attn_q"), split("attn_k"), split("attn_v")
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        shares = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (shares / shares.sum(axis=-1, keepdims=True)) @ value
        return self._linear(f"{layer}.attn_output", mixed.transpose(1, 0, 2).reshape(x.shape))

    def vector(self, text):
        ids = self.tokens(text)
        x = (self.weights["token_embd.weight"][ids] + self.weights["position_embd.weight"][:len(ids)]
             + self.weights["token_types.weight"][0])
        x = self._norm("token_embd_norm", x)
        for i in range(self.layers):
            layer = f"blk.{i}"
            x = self._norm(f"{layer}.attn_output_norm", x + self._attention(layer, x))
            hidden = gelu(self._linear(f"{layer}.ffn_up", x))
            x = self._norm(f"{layer}.layer_output_norm", x + self._linear(f"{layer}.ffn_down", hidden))
        mean = x.mean(axis=0)
        return mean / numpy.linalg.norm(mean)
