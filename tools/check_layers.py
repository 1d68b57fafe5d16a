#!/usr/bin/env python3
"""Holds every #include line under src against tools/layers.toml.

Prints one line for each breach and exits 1 when there is one. What it checks:
  - every folder with sources is in the table;
  - an include of ours names an existing file as "folder/file.h", in the same folder, in one with a lower number, or
    across one of the listed edges inside one number;
  - a header of a third party is included only by the folders that own it.
"""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".h", ".cc", ".cpp", ".c", ".inc"}


def load_table(root=ROOT):
    return tomllib.loads((root / "tools" / "layers.toml").read_text())


def folder_of(path, layers):
    """The row of the table that a path relative to src belongs to, the longest first, or None."""
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in layers:
            return name
    return None


def check_ours(folder, target, table):
    """None when `folder` may include `target`, otherwise why not."""
    layers = table["layers"]
    if target == folder or layers[target] < layers[folder]:
        return None
    if layers[target] == layers[folder]:
        if target in table["same_number"].get(folder, []):
            return None
        return f"{folder} and {target} have the same number ({layers[folder]}) and the edge is not listed"
    return f"{target} ({layers[target]}) is above {folder} ({layers[folder]})"


def check_theirs(folder, name, table):
    for pattern, owners in table["owners"].items():
        if re.search(pattern, name):
            if folder in owners:
                return None
            return f"only {', '.join(owners)} may include it"
    return None


def check_line(folder, quote, name, table, src):
    if (src / name).is_file() and (quote == '"' or "/" in name):
        target = folder_of(name, table["layers"])
        if target is None:
            return "the folder is in no row of tools/layers.toml"
        return check_ours(folder, target, table)
    theirs = check_theirs(folder, name, table)
    if theirs is None and quote == '"' and not any(re.search(p, name) for p in table["owners"]):
        return 'no such file under src; ours are included as "folder/file.h", others as <name>'
    return theirs


def check_tree(root=ROOT, table=None):
    """(breaches, number of include lines seen)"""
    table = table or load_table(root)
    src = root / "src"
    breaches, seen = [], 0
    for path in sorted(p for p in src.rglob("*") if p.suffix in SUFFIXES):
        relative = path.relative_to(src).as_posix()
        folder = folder_of(relative, table["layers"])
        if folder is None:
            breaches.append(f"src/{relative}:1: its folder is in no row of tools/layers.toml")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            seen += 1
            reason = check_line(folder, match[1], match[2], table, src)
            if reason:
                breaches.append(f"src/{relative}:{number}: includes {match[2]}: {reason}")
    return breaches, seen


def main():
    breaches, seen = check_tree()
    for breach in breaches:
        print(breach)
    print(f"{seen} include lines, {len(breaches)} breaches", file=sys.stderr)
    return 1 if breaches or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
