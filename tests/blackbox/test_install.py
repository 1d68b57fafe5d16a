"""`make install`: what it puts where, and that it runs without the source tree."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import weir_server
from talk import http_client

FILES = {
    "bin/weir": 0o755, "bin/weir-serve": 0o755, "bin/weir-egress": 0o755, "bin/weir-engine": 0o755,
    "bin/weir-fetch": 0o755, "bin/weir-reader": 0o755,
    "share/bash-completion/completions/weir": 0o644, "share/zsh/site-functions/_weir": 0o644,
    "share/fish/vendor_completions.d/weir.fish": 0o644,
    "lib/systemd/system/weir.service": 0o644, "lib/systemd/user/weir.service": 0o644,
    "share/doc/weir/LICENSE": 0o644, "share/doc/weir/NOTICE": 0o644, "share/doc/weir/README.md": 0o644,
}


def commands_of(*words):
    """What stands under "Subcommands:" in a help text, by its first name."""
    text = subprocess.run([weir_server.WEIR, *words, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z]+)", text.partition("Subcommands:")[2], flags=re.M)


def install(**settings):
    return subprocess.run([weir_server.ROOT / "tools" / "install.sh", weir_server.BUILD], capture_output=True, text=True,
                          env=os.environ | settings, cwd="/")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    destination = tmp_path_factory.mktemp("destination")
    done = install(DESTDIR=str(destination), PREFIX="/opt/we ir")
    assert done.returncode == 0, done.stderr
    return destination / "opt" / "we ir"


def test_everything_is_there_and_nothing_else(installed):
    found = {path.relative_to(installed).as_posix(): path.stat().st_mode & 0o777
             for path in installed.rglob("*") if path.is_file()}
    licences = {name: found.pop(name) for name in list(found) if name.startswith("share/doc/weir/licences/")}
    pages = {f"share/man/man1/weir-{command}.1": 0o644 for command in commands_of()}
    assert len(pages) > 20
    assert found == FILES | pages | {"share/man/man1/weir.1": 0o644}
    assert set(licences.values()) == {0o644}
    assert "MIT" in (installed / "share/doc/weir/licences/llama.cpp").read_text()
    # Some machines keep no documentation of packages; then install.sh has said so.
    assert len(licences) > 5 or not pathlib.Path("/usr/share/doc/libcli11-dev/copyright").exists()


def test_it_serves_without_the_source_tree(installed, tmp_path, stories, monkeypatch):
    version = subprocess.run([installed / "bin" / "weir", "version"], capture_output=True, text=True, cwd=tmp_path)
    assert version.returncode == 0 and version.stdout.startswith("weir ")
    # Moved away from where it was installed, and reached by a link: it finds its other programs all the same.
    moved = tmp_path / "moved"
    shutil.copytree(installed, moved)
    link = tmp_path / "weir"
    link.symlink_to(moved / "bin" / "weir")
    monkeypatch.setattr(weir_server, "WEIR", link)
    with weir_server.Weir(tmp_path / "data", "-m", stories) as server, http_client(server) as http:
        answer = http.post("/v1/completions", json={"model": "auto", "prompt": "Once upon a time", "max_tokens": 8})
        assert answer.status_code == 200 and answer.json()["choices"][0]["text"]
        programs = {os.readlink(f"/proc/{process.pid}/exe") for process in server.processes()}
        assert programs == {str(moved / "bin" / program) for program in ("weir-serve", "weir-engine")}


def test_bash_completes_commands_from_the_installed_file(installed, tmp_path):
    script = ('. "$1/share/bash-completion/completions/weir"\nCOMP_WORDS=(weir ke); COMP_CWORD=1; _weir\n'
              'echo "${COMPREPLY[@]}"\n')
    done = subprocess.run(["bash", "-c", script, "bash", str(installed)], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["keys"], done.stderr


@pytest.mark.parametrize("shell, file", [("zsh", "share/zsh/site-functions/_weir"),
                                         ("fish", "share/fish/vendor_completions.d/weir.fish")])
def test_other_shells_can_read_their_files(installed, shell, file):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not there")
    assert subprocess.run([shell, "-n", installed / file]).returncode == 0


def test_every_command_has_a_man_page_without_formatting_errors(installed):
    folder = installed / "share" / "man" / "man1"
    overview = (folder / "weir.1").read_text()
    for command in commands_of():
        assert f".BR weir\\-{command} (1)\n" in overview
        page = (folder / f"weir-{command}.1").read_text()
        assert page.startswith(f".TH WEIR-{command.upper()} 1 ")
        assert f".SH NAME\nweir\\-{command} \\- " in page
        for inner in commands_of(command):
            assert f".SS weir {command} {inner}\n" in page and f"Usage: weir {command} {inner}" in page
    assert sum("Examples:" in page.read_text() for page in folder.iterdir()) > 20
    if shutil.which("groff"):
        for page in folder.iterdir():
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True)
            assert done.returncode == 0 and done.stderr == "", page.name
            assert "\u2010\u2010" not in done.stdout, "dashes that can be copied"


@pytest.mark.parametrize("unit", ["system", "user"])
def test_the_units_start_the_installed_program(installed, unit, tmp_path):
    source = installed / "lib" / "systemd" / unit / "weir.service"
    text = source.read_text()
    assert 'ExecStart="/opt/we ir/bin/weir" serve' in text and "@" not in text
    if shutil.which("systemd-analyze"):
        # There under another name, since the prefix was not installed into.
        there = tmp_path / "weir.service"
        there.write_text(text.replace("/opt/we ir", str(installed)))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--{unit}", there], capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if "weir.service" in line]
        assert complaints == [], done.stderr


def test_a_relative_prefix_is_refused(tmp_path):
    done = install(PREFIX="here")
    assert done.returncode == 2 and "absolute" in done.stderr


def test_make_install_passes_both_places_on():
    done = subprocess.run(["make", "-n", "install", "PREFIX=/x y", "DESTDIR=/z"], capture_output=True, text=True,
                          cwd=weir_server.ROOT)
    assert "PREFIX='/x y' DESTDIR='/z' tools/install.sh" in done.stdout
