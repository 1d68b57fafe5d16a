"""Rules about the files of this repository. A limit in here is a ratchet: it may go down, not up."""

import functools
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 600
TEST_FILE_LINES_MAX = 750
MEDIAN_LINES_MAX = 220
CODE = {".cc", ".h", ".py", ".sh", ".cmake", ".mjs", ".js", ".css"}


@functools.cache
def files():
    """Tracked files and new ones that are not ignored."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True,
                             text=True, check=True)
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def code_files():
    return [path for path in files() if path.suffix in CODE or path.name == "Makefile"]


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_no_source_file_is_longer_than_the_limit():
    longer = {}
    for path in code_files():
        limit = TEST_FILE_LINES_MAX if path.stem.endswith("_test") else FILE_LINES_MAX
        if len(lines_of(path)) > limit:
            longer[str(path.relative_to(ROOT))] = len(lines_of(path))
    assert longer == {}


def test_the_median_source_file_under_src_stays_short():
    lengths = sorted(len(lines_of(p)) for p in code_files() if p.is_relative_to(ROOT / "src"))
    assert lengths and lengths[len(lengths) // 2] <= MEDIAN_LINES_MAX


def test_sources_are_formatted():
    done = subprocess.run(["tools/lint.py", "--format-only"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_nothing_is_left_to_do_in_a_comment():
    word = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    found = [f"{p.relative_to(ROOT)}:{i}" for p in code_files() for i, line in enumerate(lines_of(p), 1)
             if word.search(line)]
    assert found == []


def test_every_header_has_pragma_once_and_opens_with_what_it_is():
    bad = []
    for path in code_files():
        if path.suffix == ".h" and path.is_relative_to(ROOT / "src"):
            lines = lines_of(path)
            if "#pragma once" not in lines or not lines[0].startswith("//"):
                bad.append(str(path.relative_to(ROOT)))
    assert bad == []


def test_no_file_is_named_for_having_no_name():
    names = {"util", "utils", "common", "helper", "helpers", "misc"}
    assert [str(p.relative_to(ROOT)) for p in files() if p.stem.lower() in names] == []


def test_every_test_file_is_listed_for_the_build():
    """A x_test.cc or x_fuzz.cc that no CMakeLists.txt names would never run."""
    unlisted = []
    for path in files():
        if path.is_relative_to(ROOT / "src") and path.suffix == ".cc":
            listing = next(p / "CMakeLists.txt" for p in path.parents if (p / "CMakeLists.txt").exists())
            if not re.search(rf"\b{re.escape(path.stem)}\b", listing.read_text()):
                unlisted.append(str(path.relative_to(ROOT)))
    assert unlisted == []


def test_relative_links_in_markdown_lead_to_files():
    broken = []
    for path in files():
        if path.suffix == ".md":
            text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:|#", target):
                    continue
                if not (path.parent / target.split("#")[0]).exists():
                    broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_the_licence_is_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text


TOOLS = {"dpkg-dev"}  # by its name a library, but nothing of it is compiled in


def test_the_notice_names_every_library_that_set_up_installs():
    notice = (ROOT / "NOTICE").read_text()
    packages = [line.split()[0] for line in lines_of(ROOT / "tools" / "packages.txt")
                if line and not line.startswith("#")]
    libraries = [p for p in packages if p.endswith("-dev") and not p.startswith("libclang-rt") and p not in TOOLS]
    assert libraries
    assert [p for p in libraries if p not in notice] == []


@pytest.mark.parametrize("script", sorted(p for p in (ROOT / "tools").iterdir() if p.suffix == ".sh"), ids=lambda p: p.name)
def test_shell_scripts_parse_and_stop_at_the_first_error(script):
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)


def test_what_is_compiled_in_is_named_in_the_notice():
    """Every library package that the build installs stands in NOTICE, and names no package that is not installed."""
    listed = {line.split()[0] for line in (ROOT / "tools" / "packages.txt").read_text().splitlines()
              if line and not line.startswith("#")}
    libraries = {name for name in listed if name.endswith("-dev") and not name.startswith("libclang")} - TOOLS
    named = set(re.findall(r"[a-z0-9.+-]+-dev", (ROOT / "NOTICE").read_text()))
    assert named == libraries
