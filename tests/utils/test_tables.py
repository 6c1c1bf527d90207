"""Tables: on a console, as Markdown and as CSV."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

from rich.console import Console

from mtl_plugins.utils import TextTable, write_csv

TABLE = TextTable(("name", "size (m)"), [["[bold]a|b", "1.0"], ["c", "12.5"]], title="Sizes")


def test_a_console_shows_texts_as_they_are_and_numbers_to_the_right():
    text = StringIO()
    Console(file=text, width=60).print(TABLE)
    lines = [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]
    assert lines[0].strip() == "Sizes"
    assert [line.split() for line in lines[1:3]] == [["size"], ["name", "(m)"]]
    assert lines[4].split() == ["[bold]a|b", "1.0"]
    assert len(lines[4]) == len(lines[5])


def test_a_console_shows_the_caption_below_and_rows_in_their_colours():
    text = StringIO()
    coloured = replace(TABLE, caption="in [m]", colours={1: "yellow"})
    Console(file=text, width=60, force_terminal=True, color_system="standard").print(coloured)
    lines = text.getvalue().splitlines()
    assert ["\x1b[33m" in line for line in lines[-4:-2]] == [False, True]
    assert "12.5" in lines[-3] and "in [m]" in lines[-1]


def test_markdown_escapes_bars_and_aligns_words_left():
    assert TABLE.markdown().splitlines() == [
        "| name | size (m) |",
        "| --- | ---: |",
        "| [bold]a\\|b | 1.0 |",
        "| c | 12.5 |",
    ]
    none_left = TextTable(["a", "b"], [["1", "2\n3"]], words=())
    assert none_left.markdown().splitlines()[1:] == ["| ---: | ---: |", "| 1 | 2 3 |"]


def test_csv_keeps_values_unrounded_and_leaves_unknown_ones_empty(tmp_path):
    path = tmp_path / "new" / "table.csv"
    write_csv(str(path), [dict(a=1 / 3, b=None), dict(a="x,y", b=True)])
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [dict(a=str(1 / 3), b=""), dict(a="x,y", b="True")]
    write_csv(str(path), [])
    assert path.read_text() == ""
