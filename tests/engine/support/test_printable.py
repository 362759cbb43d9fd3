"""Messages: control characters never reach a terminal, and no message fills it."""

from __future__ import annotations

import pytest

from noisereel.support.errors import NoisereelError, PluginError, Problem, SceneError, UsageError
from noisereel.support.printable import LIMIT, printable
from noisereel.support.progress import Progress

UNSAFE = ["\x1b[31m", "\x1b]0;title\x07", "\r", "\n", "\x00", "\x08", "\x7f", "\x85", "\x9b", "\u2028", "\u202e",
          "\u200b", "\u2066", "\ufeff", "\xa0", "\ud800"]  # fmt: skip


@pytest.mark.parametrize("text", UNSAFE, ids=ascii)
def test_every_message_shows_control_characters_escaped(text, capsys):
    messages = [str(kind(f"'{text}'")) for kind in (NoisereelError, UsageError, PluginError)]
    messages += [str(Problem("a.yaml:1:1", text, text)), str(SceneError([Problem("a", "b", text)]))]
    Progress().warn(text)
    Progress().say(text)
    captured = capsys.readouterr()
    for message in (*messages, captured.err.rstrip("\n"), captured.out.rstrip("\n")):
        assert message.isprintable(), ascii(message)


def test_text_that_is_safe_stays():
    for text in ("σ = −0.5 ± 10⁻³", "日本語", "a\u2007b", ""):
        assert printable(text) == text
    assert printable(printable("\x1b")) == printable("\x1b") == r"\x1b"


def test_long_text_keeps_its_start_and_end():
    message = str(UsageError(f"unknown key '{'x' * 900_000}'; known: a, b"))
    assert len(message) == LIMIT and message.startswith("unknown key 'xxx") and message.endswith("x'; known: a, b")


def test_many_problems_are_counted():
    lines = str(SceneError([Problem("a", str(i), "wrong") for i in range(10_000)])).splitlines()
    assert len(lines) == 51 and lines[-1] == "and 9,950 more problems"
    assert len(str(SceneError([Problem("a", str(i), "wrong") for i in range(50)])).splitlines()) == 50


@pytest.mark.parametrize(
    "command", ["render", "still", "train", "validate", "plugins show", "scenes show", "scenes copy"]
)
@pytest.mark.parametrize("name", ["\x1b[31m.yaml", "a\nb", "sampler/\x1b[2J", "x" * 5_000])
def test_no_command_echoes_raw_text(noisereel, command, name):
    done = noisereel(*command.split(), name)
    assert done.code == 2 and "\x1b" not in done.err and done.err.count("\n") == 1 and len(done.err) < LIMIT + 20


@pytest.mark.parametrize(
    "arguments", [["--\x1b[31m"], ["\x1b[31m"], ["render"], ["validate", "--seed"], ["still", "-q", "\x1b"]]
)
def test_no_usage_error_echoes_raw_text(noisereel, arguments):
    done = noisereel(*arguments)
    assert done.code == 2 and "\x1b" not in done.err and "Error: " in done.err
