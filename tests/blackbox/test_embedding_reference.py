"""Embeddings of the real program against a second implementation of the model (bert_reference.py)."""

import json
import random

import numpy
import pytest

import weir_server
from bert_reference import SentenceEmbedder
from talk import EMBEDDING

EATING = "A man is eating food."
EATING_TOKENS = [101, 1037, 2158, 2003, 5983, 2833, 1012, 102]

WRITTEN = [
    EATING, "A man is eating a piece of bread.", "a", "I", "?", "...", "Ok.", "42", "3.14159265358979",
    "The QUICK Brown fox; it JUMPS over -- the lazy dog!", "don't can't won't it's o'clock rock'n'roll",
    "user@example.com wrote to http://127.0.0.1:9347/v1/embeddings?x=1&y=2#z", "if (a[i] != b->c) { return *p++ & 0xFF; }",
    "Les élèves français étaient déçus à Noël, où était leur professeur ?", "Größe, Straße, Übermäßigkeit und Ärger",
    "El niño comió piñas mañana por la mañana.", "Příliš žluťoučký kůň úpěl ďábelské ódy", "Ærøskøbing på øen Ærø",
    "Съешь же ещё этих мягких французских булок", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία", "İstanbul'da ığdır çiçeği",
    "我能吞下玻璃而不伤身体。", "吾輩は猫である。名前はまだ無い。", "השועל החום המהיר קופץ", "نص حكيم له سر قاطع",
    "สวัสดีชาวโลก", "mixed 漢字 and latin in一sentence", "emoji 🙂 between 👩‍👩‍👧‍👦 words 🚀", "🙂", "a\u0301e\u0300 combining",
    "ﬁne ligatures ﬂow", "full－width：ＡＢＣ１２３", "tabs\tand\nnewlines\r\nand   spaces", "  leading and trailing  ",
    "zero\u200bwidth\u200djoiner\ufeffmark", "non\u00a0breaking\u2003spaces\u3000wide", "“curly” ‘quotes’ — and – dashes… • bullets ¶",
    "€ £ ¥ ¢ § © ® ™ ° ± × ÷ ≤ ≥ ≠ ∞ ∑ √", "x² + y³ = ½ · π₁", "C++ C# F# .NET node.js R2-D2 T-1000", "[CLS] in a text is [SEP] no control token [MASK]",
    "supercalifragilisticexpialidocious antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 99, "Donaudampfschifffahrtsgesellschaftskapitän", "#hashtag @mention $PATH %20 ^caret ~tilde `tick` |pipe|",
    "!!!???!?!", "a-b_c/d\\e", "1,000,000.00 USD (approx.) on 2024-02-29T23:59:60Z", "WEIR weir Weir wEIR",
]

# libllama takes words apart otherwise than BERT: of a Hangul syllable it keeps the first letter alone, it drops vowel
# signs of Indic scripts, and it has no bound for words, where BERT's is 100 characters (docs/openai.md).
DIFFERENT = ["나는 유리를 먹을 수 있어요.", "नमस्ते दुनिया", "y" * 150]

SUBJECTS = ["The engineer", "A small dog", "Our neighbour's cat", "The old river", "Dr. Smith", "Nobody", "A cloud server",
            "The committee", "My grandmother", "An unpaid invoice"]
VERBS = ["repairs", "considered", "will never find", "has sold", "quietly ignored", "measures", "compiled", "forgot about"]
OBJECTS = ["a broken bridge", "the quarterly report", "seventeen apples", "an encrypted message", "the museum's roof",
           "her first bicycle", "a proof by induction", "the patient's blood pressure", "two litres of milk"]
ENDINGS = [".", " in the rain.", ", didn't it?", " before 7:30 a.m.!", " (see page 12).", "; then the lights went out.",
           " – twice.", " because the model said so."]


def generated(count):
    draw = random.Random(20261121)
    def one():
        return draw.choice(SUBJECTS) + " " + draw.choice(VERBS) + " " + draw.choice(OBJECTS) + draw.choice(ENDINGS)
    short = [one() for _ in range(count)]
    long = [" ".join(one() for _ in range(sentences)) for sentences in (4, 9, 16, 25, 33)]
    return short + long


@pytest.fixture(scope="module")
def reference():
    store = weir_server.model_store()
    model, tag = EMBEDDING.split(":")
    manifest = store / "manifests" / model / f"{tag}.json"
    if not manifest.exists():
        pytest.skip(f"{EMBEDDING} is not in the model store; tools/fetch_models {EMBEDDING}")
    sha256 = json.loads(manifest.read_text())["model"]["sha256"]
    return SentenceEmbedder(store / "blobs" / f"sha256-{sha256}")


def test_the_reference_itself_gives_the_published_figures(reference):
    assert reference.tokens(EATING) == EATING_TOKENS
    assert float(reference.vector(EATING) @ reference.vector(WRITTEN[1])) == pytest.approx(0.755, abs=0.001)


def test_tokens_are_those_of_the_reference(http, embedding, reference):
    def tokens(text):
        body = {"model": EMBEDDING, "content": text, "add_special": True, "parse_special": False}
        return http.post("/tokenize", json=body).raise_for_status().json()["tokens"]
    assert tokens(EATING) == EATING_TOKENS
    assert [text for text in WRITTEN + DIFFERENT if tokens(text) != reference.tokens(text)] == DIFFERENT


def test_every_vector_agrees_with_the_reference(client, embedding, reference):
    texts = WRITTEN + generated(80)
    assert len(texts) >= 130 and max(len(reference.tokens(text)) for text in texts) in range(400, 513)
    answer = client.embeddings.create(model=EMBEDDING, input=texts, encoding_format="float")
    assert answer.usage.prompt_tokens == sum(len(reference.tokens(text)) for text in texts)
    cosines = [float(numpy.array(item.embedding) @ reference.vector(text)) for item, text in zip(answer.data, texts)]
    below = [(cosine, text[:60]) for cosine, text in zip(cosines, texts) if cosine < 0.999]
    assert below == []
    assert numpy.median(cosines) > 0.9999
