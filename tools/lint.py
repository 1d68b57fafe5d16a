#!/usr/bin/env python3
"""clang-format over src, clang-tidy over all of it but the tests; a file is looked at again only when it or something
it includes changed. (A test program takes clang-tidy longer than what it tests, and what it finds there is the shape of
Google Test.)

  tools/lint.py [--build DIR] [--format-only] [FILE...]

Formatting is checked, not repaired: `clang-format-19 -i FILE` repairs it. clang-tidy's settings are in .clang-tidy; a
file that passed is remembered in DIR/lint by a hash of its own bytes, of what it includes, and of the settings.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sources(chosen):
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "src"], cwd=ROOT, capture_output=True,
                             text=True, check=True)
    paths = [ROOT / name for name in listing.stdout.split("\n") if name.endswith((".h", ".cc"))]
    wanted = {pathlib.Path(name).resolve() for name in chosen}
    return [path for path in paths if path.exists() and (not wanted or path in wanted)]


def badly_formatted(paths):
    bad = []
    for start in range(0, len(paths), 50):
        done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *paths[start:start + 50]],
                              capture_output=True, text=True)
        bad += re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, flags=re.M)
        if done.returncode and not bad:
            bad.append(done.stderr)
    return sorted(set(bad))


def our_includes(path, seen):
    """Every file under src that `path` includes, at any depth, itself included."""
    if path in seen or not path.is_file():
        return seen
    seen.add(path)
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(encoding="utf-8"), flags=re.M):
        our_includes(ROOT / "src" / name, seen)
    return seen


def digest(path, settings):
    result = hashlib.sha256(settings)
    for part in sorted(our_includes(path, set())):
        result.update(str(part.relative_to(ROOT)).encode() + b"\0" + part.read_bytes())
    return result.hexdigest()


def tidy(path, build, settings):
    """(path, what clang-tidy says about it, empty when it is content)"""
    stamp = build / "lint" / digest(path, settings)
    if stamp.exists():
        return path, ""
    done = subprocess.run(["clang-tidy-19", "-p", build, "--quiet", path], capture_output=True, text=True)
    if done.returncode == 0:
        stamp.touch()
        return path, ""
    return path, done.stdout or done.stderr


def main():
    parser = argparse.ArgumentParser(description="clang-format and clang-tidy over src.")
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--format-only", action="store_true")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    paths = sources(options.files)
    if not paths:
        sys.exit("lint.py: nothing to look at under src")

    bad = badly_formatted(paths)
    for name in bad:
        print(f"{name}: not formatted; run clang-format-19 -i on it")
    findings = 0
    if not options.format_only:
        build = options.build.resolve()
        (build / "lint").mkdir(parents=True, exist_ok=True)
        compiled = {pathlib.Path(entry["file"]) for entry in json.loads((build / "compile_commands.json").read_text())}
        version = subprocess.run(["clang-tidy-19", "--version"], capture_output=True, check=True).stdout
        settings = (ROOT / ".clang-tidy").read_bytes() + version
        units = [path for path in paths if path in compiled and not path.name.endswith("_test.cc")]
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
            for number, future in enumerate(pool.map(lambda p: tidy(p, build, settings), units), 1):
                path, said = future
                if said:
                    findings += 1
                    print(said, flush=True)
                print(f"[{number}/{len(units)}] {path.relative_to(ROOT)}", file=sys.stderr, flush=True)
    print(f"{len(paths)} files, {len(bad)} not formatted, {findings} with findings of clang-tidy")
    return 1 if bad or findings else 0


if __name__ == "__main__":
    sys.exit(main())
