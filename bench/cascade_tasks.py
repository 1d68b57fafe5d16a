"""Questions with known answers for the cascade: GSM8K of the routing data, and extraction tasks that are made here.

A task is {"id", "kind", "prompt", "gold"}; right(task, answer) says whether an answer is right. No model is asked.
"""

import csv
import random
import re

import weir_server

MATH, EXTRACTION = "math", "extraction"
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
RESPONSES = ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")

FIRST = "Ana Boris Carla Dmitri Elena Farid Greta Hugo Ines Jonas Karin Luca Mira Nils Olga Pavel Rosa Sven Tara Uwe".split()
LAST = "Almeida Berg Costa Dorn Egger Fuchs Garcia Holm Ivanov Jensen Keller Lopez Moreau Novak Olsen Petit Rossi".split()
CITY = "Porto Graz Lyon Turin Bergen Gdansk Malaga Leipzig Ghent Basel Utrecht Tampere Brno Cork Split Varna".split()
THING = "chairs lamps desks shelves mirrors carpets clocks vases curtains stools".split()
MONTH = "January February March April May June July August September October November December".split()


def last_number(text):
    """The number that an answer ends in, or None."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def gsm8k(count):
    """Questions that at least one recorded response got right, so that its last number is the answer."""
    path = weir_server.shared_data() / "routing" / "routellm" / "gsm8k_responses.csv"
    tasks = []
    with open(path, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            golds = [last_number(row[f"{name}_response"]) for name in RESPONSES if row[name] == "True"]
            if not golds or golds[-1] is None or len(set(golds)) > 1:
                continue  # nobody was right, or the two that were do not end in the same number
            tasks.append({"id": f"gsm8k-{number}", "kind": MATH, "gold": golds[-1],
                          "prompt": row["prompt"] + "\nThink step by step and end with the answer as a number."})
    random.Random(1).shuffle(tasks)
    return tasks[:count]


def record(rng, people):
    person = rng.choice([p for p in people])
    people.remove(person)
    return {"number": rng.randrange(10_000, 99_999), "name": person, "city": rng.choice(CITY), "count": rng.randrange(2, 60),
            "thing": rng.choice(THING), "day": rng.randrange(1, 29), "month": rng.choice(MONTH),
            "price": f"{rng.randrange(20, 900)}.{rng.choice(('00', '50', '95', '20'))}"}


SENTENCES = (
    "{name} of {city} ordered {count} {thing} on {day} {month}; the order has the number {number} and costs {price} euros.",
    "Order {number}, placed on {day} {month} by {name} ({city}), is for {count} {thing} at {price} euros in all.",
    "On {day} {month} we sent {count} {thing} for {price} euros to {city}, where {name} had asked for them (no. {number}).",
)
QUESTIONS = (
    ("Which order number belongs to {name}?", "number"), ("To which city did the order {number} go?", "city"),
    ("How many {thing} did {name} order?", "count"), ("Who placed the order {number}?", "name"),
    ("In which month did {name} order?", "month"), ("What does the order {number} cost, in euros?", "price"),
)


def extraction(count, seed=7):
    """A paragraph of 6 to 14 orders and a question for one field of one of them."""
    rng = random.Random(seed)
    tasks = []
    for number in range(count):
        people = [f"{first} {last}" for first in FIRST for last in rng.sample(LAST, 2)]
        records = [record(rng, people) for _ in range(rng.randrange(6, 15))]
        text = " ".join(rng.choice(SENTENCES).format(**each) for each in records)
        asked = rng.choice(records)
        question, field = rng.choice(QUESTIONS)
        tasks.append({"id": f"extraction-{number}", "kind": EXTRACTION, "gold": str(asked[field]),
                      "prompt": f"{text}\n\n{question.format(**asked)} Answer with that alone."})
    return tasks


def right(task, answer):
    if task["kind"] == MATH:
        said = last_number(answer)
        return said is not None and abs(said - task["gold"]) < 1e-6
    plain = re.sub(r"[^\w. ]", " ", answer).strip().strip(".").strip().lower()
    wanted = task["gold"].lower()
    return plain == wanted or plain == wanted.removesuffix(".00") or re.fullmatch(rf".*\b{re.escape(wanted)}", plain) is not None
