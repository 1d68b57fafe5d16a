"""Documents for tests, made from words: the formats that people have, as small as they can be."""

import io
import random
import zipfile


def pdf(pages):
    """A PDF with one line of text on each page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", None,
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for text in pages:
        stream = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
                       b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects))
        kids.append(len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(b"%d 0 R" % k for k in kids), len(kids))
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, len(objects) + 1, len(out))


def docx(paragraphs):
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return archive({"word/document.xml": f'<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>'})


def archive(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return out.getvalue()


HARBOURS = ("Kiel", "Lagos", "Valencia", "Busan", "Halifax", "Odessa", "Callao", "Mombasa", "Hobart", "Bergen")
THINGS = ("lighthouse", "crane", "ferry", "warehouse", "dry dock", "customs house", "fish market", "breakwater")
COLOURS = ("red", "green", "white", "yellow", "black", "blue", "orange", "grey")


def pages(count, seed=20261122):
    """(name, text, question, answer) of Markdown pages, each with facts that no other has."""
    dice = random.Random(seed)
    for number in range(count):
        harbour = HARBOURS[number % len(HARBOURS)]
        quay = f"quay {number + 1}"
        colour, year = dice.choice(COLOURS), dice.randrange(1850, 2000)
        thing = THINGS[number // len(HARBOURS) % len(THINGS)]
        filler = " ".join(f"The {dice.choice(THINGS)} was painted and repaired by its {dice.choice(COLOURS)} crew."
                          for _ in range(dice.randrange(8, 20)))
        text = (f"# Handbook of {harbour}, {quay}\n\n{filler}\n\n## The {thing}\n\nThe {thing} of {harbour} at {quay} was "
                f"built in {year} and is {colour}.\n\n## Notes\n\n{filler}\n")
        yield (f"{harbour.lower()}-{number}.md", text, f"When was the {thing} of {harbour} at {quay} built?", str(year))
