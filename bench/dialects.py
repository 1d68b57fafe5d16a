#!/usr/bin/env python3
"""What conversion costs (`make bench-dialects`): each dialect of clients against each that answers.

  bench/dialects.py [--quick] [--output DIR]

Requests: 4 KiB of a client's JSON, read, made canonical and written for whoever answers. Events: a piece of an answer's text,
read and told to the client, of 1,000. Growth: microseconds for each message, tool, call, KiB or event as their number grows;
it is flat where the largest number costs at most as much for each as the one before, and a half more. Processor time,
medians; build/bin/dialects_bench measures. Results as Markdown, JSON and a plot (SVG) under build/bench/.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build" / "bin" / "dialects_bench"
REQUEST_GOAL_US, EVENT_GOAL_US, GROWTH_GOAL = 30, 5, 1.5
COLOURS = {"openai": "#1b6ca8", "responses": "#c0392b", "anthropic": "#d68910", "ollama": "#1e8449", "llamacpp": "#7d3c98"}


def measure(program, quick):
    done = subprocess.run([program, *(["--quick"] if quick else [])], capture_output=True, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def in_order(rows, key):
    return list(dict.fromkeys(row[key] for row in rows))


def pairs_table(rows, what, form):
    """Clients down, answerers across."""
    cells = {(row["client"], row["answerer"]): row["us"] for row in rows if row["what"] == what}
    refused = {(row["client"], row["answerer"]): row["param"] for row in rows if row["what"] == "refused"}
    clients, answerers = in_order(rows, "client"), in_order(rows, "answerer")

    def cell(client, answerer):
        if (client, answerer) in refused:
            return f"refused: {refused[client, answerer]}"
        return form.format(cells[client, answerer]) if (client, answerer) in cells else ""

    lines = ["| client \\ answers | " + " | ".join(answerers) + " |", "| --- |" + " ---: |" * len(answerers)]
    return "\n".join(lines + [f"| {client} | " + " | ".join(cell(client, answerer) for answerer in answerers) + " |"
                              for client in clients])


def curves(rows):
    """{of: {(client, answerer): [(count, microseconds for each)]}}"""
    out = {}
    for row in rows:
        if row["what"] == "growth":
            curve = out.setdefault(row["of"], {}).setdefault((row["client"], row["answerer"]), [])
            curve.append((row["count"], row["us"] / row["count"]))
    return out


def growth_of(curve):
    """What each costs at the largest number, by what it costs at the number before."""
    return curve[-1][1] / curve[-2][1]


def growth_table(drawn):
    lines = ["| of | numbers | for each at the largest, microseconds | growth, worst pair | |", "| --- | --- | ---: | ---: | --- |"]
    for of, by_pair in drawn.items():
        worst = max(by_pair, key=lambda pair: growth_of(by_pair[pair]))
        each = [curve[-1][1] for curve in by_pair.values()]
        counts = ", ".join(f"{count:,}" for count, _ in by_pair[worst])
        lines.append(f"| {of} | {counts} | {min(each):.2f} to {max(each):.2f} | {growth_of(by_pair[worst]):.2f} | "
                     f"{worst[0]} to {worst[1]} |")
    return "\n".join(lines)


def panel(of, by_pair, left, top, width, height):
    """One plot with both axes logarithmic."""
    points = [point for curve in by_pair.values() for point in curve]
    low_x, high_x = (math.log10(edge(count for count, _ in points)) for edge in (min, max))
    low_y = math.floor(math.log10(min(us for _, us in points)))
    high_y = math.ceil(math.log10(max(us for _, us in points)) + 1e-9)

    def place(count, us):
        x = left + (math.log10(count) - low_x) / (high_x - low_x) * width
        y = top + height - (math.log10(us) - low_y) / max(high_y - low_y, 1) * height
        return f"{x:.1f},{y:.1f}"

    out = [f'<text x="{left}" y="{top - 8}" font-weight="bold">{of}: microseconds for each</text>',
           f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>']
    for power in range(low_y, high_y + 1):
        y = place(points[0][0], 10.0 ** power).split(",")[1]
        out.append(f'<text x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>')
        out.append(f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#ddd"/>')
    for count in sorted({count for count, _ in points}):
        x = place(count, 10.0 ** low_y).split(",")[0]
        out.append(f'<text x="{x}" y="{top + height + 14}" text-anchor="middle">{count:,}</text>')
    for (client, answerer), curve in by_pair.items():
        line = " ".join(place(*point) for point in curve)
        out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS.get(client, "#555")}" stroke-width="1.2">'
                   f"<title>{client} to {answerer}</title></polyline>")
    return out


def plot(drawn):
    width, height, columns = 320, 200, 3
    rows = -(-len(drawn) // columns)
    total_x, total_y = columns * (width + 90) + 20, rows * (height + 70) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_x}" height="{total_y}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for place, (of, by_pair) in enumerate(drawn.items()):
        out += panel(of, by_pair, 60 + place % columns * (width + 90), 40 + place // columns * (height + 70), width, height)
    for place, (client, colour) in enumerate(COLOURS.items()):
        out.append(f'<text x="{60 + place * 110}" y="{total_y - 10}" fill="{colour}">{client}</text>')
    return "\n".join([*out, "</svg>", ""])


def report(rows, drawn):
    requests, events = (max(row["us"] for row in rows if row["what"] == what) for what in ("request", "event"))
    growth = max(growth_of(curve) for by_pair in drawn.values() for curve in by_pair.values())
    good = requests <= REQUEST_GOAL_US and events <= EVENT_GOAL_US and growth <= GROWTH_GOAL
    text = ["# Conversion between dialects", "",
            f"The slowest pair takes {requests:.1f} microseconds for a request of 4 KiB (goal {REQUEST_GOAL_US}) and {events:.2f} for "
            f"an event (goal {EVENT_GOAL_US}); the worst growth is {growth:.2f} (goal {GROWTH_GOAL}): "
            f"{'goals met' if good else 'GOALS MISSED'}.", "",
            "A request of 4 KiB, microseconds:", "", pairs_table(rows, "request", "{:.1f}"), "",
            "An event of a stream, microseconds:", "", pairs_table(rows, "event", "{:.2f}"), "",
            "As numbers grow:", "", growth_table(drawn), ""]
    return "\n".join(text), good


def main():
    parser = argparse.ArgumentParser(description="Measures the conversion between dialects.")
    parser.add_argument("--quick", action="store_true", help="few repetitions: whether it works, not what it costs")
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    rows = measure(options.program, options.quick)
    drawn = curves(rows)
    text, good = report(rows, drawn)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "dialects.json").write_text(json.dumps(rows, indent=1) + "\n")
    (options.output / "dialects.md").write_text(text)
    (options.output / "dialects.svg").write_text(plot(drawn))
    print(text)
    return 0 if good or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
