"""Progress: late, on stderr, once in the main process; bars on a terminal, few lines in a log."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from mtl_plugins.utils import ProgressLine, progress, track

# Only the module: importing the package would take longer than the rest of the test.
SLOW = """
import sys, time
sys.path.insert(0, sys.argv[1])
from progress import track
for number in track(range(3), "slow things"):
    time.sleep(0.5)
print("result")
"""


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_items_pass_through_whatever_they_are():
    assert list(track(iter("abc"), "letters")) == ["a", "b", "c"]
    assert list(track([], "nothing")) == []


def test_a_log_gets_a_line_a_minute_and_none_for_quick_work(clock, capsys):
    for _ in track(range(10), "quick"):
        clock[0] += 0.09
    assert capsys.readouterr().err == ""
    for _ in track(range(130), "slow"):
        clock[0] += 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["slow: 1 of 130", "slow: 61 of 130", "slow: 121 of 130"]


def test_in_a_log_inner_lines_are_left_out(clock, capsys):
    with ProgressLine("outer") as line:
        for done in range(4):
            for _ in track(range(2), "inner"):
                clock[0] += 2
            line.update(done)
    assert capsys.readouterr().err == "outer: 0\n"
    assert ProgressLine._depth == 0


def test_a_new_description_is_drawn_at_once(clock, monkeypatch):
    drawn = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(ProgressLine, "_draw", lambda line, _: drawn.append(line.description))
    with ProgressLine("first", 2) as line:
        line.update(1)
        line.update(2)
        line.update(description="second")
        assert drawn == ["first", "second"]


def test_other_processes_than_the_main_one_are_silent(clock, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    for _ in track(range(3), "slow"):
        clock[0] += 100
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_and_it_is_not_in_the_result():
    ours, theirs = pty.openpty()
    result = subprocess.run(
        [sys.executable, "-c", SLOW, os.path.dirname(progress.__file__)],
        stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60,
        env=dict(os.environ, TERM="xterm", COLUMNS="100"),
    )  # fmt: skip
    os.close(theirs)
    drawn = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:
            break
        if not part:
            break
        drawn += part
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.decode())
    assert result.stdout == "result\n"
    assert "slow things" in text and "3/3" in text
    # The cursor is back.
    assert drawn.rindex(b"\x1b[?25h") > drawn.rindex(b"\x1b[?25l")
