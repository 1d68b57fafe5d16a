"""`weir run` as a chat at a terminal."""

import json

import pytest

import weir_server
from talk import SMALL
from terminal import CTRL_C, CTRL_D, UP, Terminal

PROMPT = ">>> "


@pytest.fixture
def chat(server, http, small, tmp_path):
    """chat(*flags): `weir run` at a terminal, with a data folder of its own and the shared server's models."""
    def start(*flags, model=SMALL):
        environment = weir_server.plain_environment(tmp_path) | {
            "WEIR_DATA": str(tmp_path), "WEIR_SERVER": server.url, "LC_ALL": "C.UTF-8"}
        terminal = Terminal(weir_server.WEIR, "run", model, "--temperature", "0", *flags, environment=environment)
        terminal.expect(PROMPT)
        return terminal

    return start


def pasted(text):
    """As a terminal sends it that was told to mark what is pasted."""
    return f"\x1b[200~{text}\x1b[201~"


def say(terminal, text):
    """What appears between the typed line and the next prompt."""
    terminal.type(text + "\r")
    terminal.expect("\r\n")
    return terminal.expect(PROMPT).removesuffix(PROMPT)


def saved(terminal, path):
    say(terminal, f"/save {path}")
    return json.loads(path.read_text())


def test_a_chat_is_kept_saved_cleared_and_loaded_again(chat, tmp_path):
    file = tmp_path / "chat.json"
    with chat("--max-tokens", "6", "--system", "Be brief.") as terminal:
        assert "/save FILE" in say(terminal, "/help")
        answer = say(terminal, "Say hello, größer.").strip()
        assert answer
        assert "System message: Be kind." in say(terminal, "/system Be kind.")
        kept = saved(terminal, file)
        assert kept["system"] == "Be kind." and kept["model"] == SMALL
        assert [turn["role"] for turn in kept["messages"]] == ["user", "assistant"]
        assert kept["messages"][0]["content"] == "Say hello, größer."
        assert kept["messages"][1]["content"].split() == answer.split()
        assert file.stat().st_mode & 0o777 == 0o600
        assert "forgotten" in say(terminal, "/clear")
        assert saved(terminal, tmp_path / "empty.json")["messages"] == []
        assert "is there already" in say(terminal, f"/save {file}")
        assert f"2 turns; {SMALL} answers." in say(terminal, f"/load {file}")
        assert "/help lists" in say(terminal, "/nonsense")
        terminal.type("/bye\r")
        assert terminal.wait() == 0


def test_another_model_goes_on(chat, tmp_path):
    with chat("--max-tokens", "4", model="no-such-model") as terminal:
        assert "no-such-model" in say(terminal, "Hi")
        assert f"{SMALL} answers." in say(terminal, f"/model {SMALL}")
        assert say(terminal, "Hi").strip()
        messages = saved(terminal, tmp_path / "chat.json")["messages"]
        assert [turn["role"] for turn in messages] == ["user", "assistant"], "what had no answer is not kept"
        terminal.type(CTRL_D)
        assert terminal.wait() == 0


def test_several_lines_are_one_text(chat, tmp_path):
    with chat("--max-tokens", "4") as terminal:
        terminal.type('"""First\r')
        terminal.expect("... ")
        terminal.type("/second\r")
        terminal.expect("... ")
        say(terminal, 'third"""')
        terminal.type("one\\\r")
        terminal.expect("... ")
        say(terminal, "two")
        asked = [turn["content"] for turn in saved(terminal, tmp_path / "chat.json")["messages"] if turn["role"] == "user"]
        assert asked == ["First\n/second\nthird", "one\ntwo"]


def test_ctrl_c_drops_a_line_and_stops_an_answer_and_the_chat_goes_on(chat, tmp_path):
    with chat("--max-tokens", "4000") as terminal:
        terminal.type("This is never asked" + CTRL_C)
        terminal.expect("^C\r\n")
        terminal.expect(PROMPT)
        terminal.type("Count from one to a thousand.\r")
        terminal.expect("\r\n")
        while not terminal.text.strip():  # the answer begins
            assert terminal.read(120)
        terminal.type(CTRL_C)
        terminal.expect(PROMPT, timeout_s=20)
        messages = saved(terminal, tmp_path / "chat.json")["messages"]
        assert [turn["role"] for turn in messages] == ["user", "assistant"]
        assert messages[0]["content"] == "Count from one to a thousand." and messages[1]["content"]
        terminal.type(CTRL_D)
        assert terminal.wait() == 0


def test_lines_come_back_with_the_arrow_also_the_next_time_and_are_nobody_elses(chat, tmp_path):
    with chat() as terminal:
        say(terminal, "/system The first.")
        say(terminal, "/system The second.")
        terminal.type(UP + UP)
        assert "System message: The first." in say(terminal, "")
        terminal.type(CTRL_D)
        assert terminal.wait() == 0
    assert (tmp_path / "chat_history").stat().st_mode & 0o777 == 0o600
    with chat() as terminal:
        terminal.type(UP)
        assert "System message: The first." in say(terminal, "")


def enter(terminal, last):
    """Enter, once `last` of what was typed is on the screen; lines within it have ends of their own there."""
    terminal.expect(last)
    return say(terminal, "")


def asked_of(terminal, path):
    return [turn["content"] for turn in saved(terminal, path)["messages"] if turn["role"] == "user"]


def test_several_lines_that_are_pasted_are_one_text(chat, tmp_path):
    with chat("--max-tokens", "4") as terminal:
        terminal.type("Sum up: " + pasted("größer\r\r\tthan\r/bye\x1b[2J\x07") + " all of it")
        enter(terminal, "all of it")
        terminal.type(pasted("/usr/bin/false: failed\rtwice\r"))
        enter(terminal, "twice")
        assert "answers." in say(terminal, pasted("/model")), "one line is a line as any other"
        first = "Sum up: größer\n\n\tthan\n/bye[2J all of it"
        assert asked_of(terminal, tmp_path / "chat.json") == [first, "/usr/bin/false: failed\ntwice"]
        terminal.type(CTRL_D)
        terminal.expect("\x1b[?2004l")
        assert terminal.wait() == 0
    with chat("--max-tokens", "4") as terminal:
        terminal.type(UP * 4)
        enter(terminal, "all of it")
        assert asked_of(terminal, tmp_path / "again.json") == [first], "it comes back with its lines"


def test_a_paste_beyond_bounds_is_refused_and_one_without_an_end_can_be_left(chat, tmp_path):
    with chat("--max-tokens", "4") as terminal:
        whole = pasted("x" * ((1 << 20) + 1))
        for at in range(0, len(whole), 65536):
            terminal.type(whole[at:at + 65536])
        terminal.expect("\x07")
        say(terminal, "Hi")
        terminal.type(pasted("never ended").removesuffix("\x1b[201~") + CTRL_C)
        say(terminal, "!")
        assert asked_of(terminal, tmp_path / "chat.json") == ["Hi", "never ended!"]
