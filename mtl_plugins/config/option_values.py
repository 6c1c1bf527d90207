"""What the text of an option means; mmengine's own reading loses the spaces in paths."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

WORDS = {"true": True, "false": False}
OPENING, CLOSING, QUOTES = "([", ")]", "'\""


def parse_value(text: str) -> Any:
    """Return the value of an option's text, typed as mmengine types it, but with spaces kept.

    Numbers, `True`, `False` and `None` are what they look like, `(a, b)` is a tuple, `[a, b]` and
    `a, b` are lists; anything else is text. In quotes everything is text, commas included.

    >>> parse_value("3"), parse_value("1e-3"), parse_value("true"), parse_value("None")
    (3, 0.001, True, None)
    >>> parse_value("(6, 12)"), parse_value("[a b, [2]]"), parse_value("1,2")
    ((6, 12), ['a b', [2]], [1, 2])
    >>> parse_value("/data/my set (2)"), parse_value("'/data/a, b'")
    ('/data/my set (2)', '/data/a, b')
    """
    text = text.strip()
    if (unquoted := _unquoted(text)) is not None:
        return unquoted
    if len(text) > 1 and text[0] in OPENING and text[-1] == CLOSING[OPENING.index(text[0])]:
        values = [parse_value(part) for part in _parts(text[1:-1])]
        return tuple(values) if text[0] == "(" else values
    parts = list(_parts(text))
    return [parse_value(part) for part in parts] if len(parts) > 1 else _scalar(text)


def _scalar(text: str) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return None if text == "None" else WORDS.get(text.lower(), text)


def _unquoted(text: str) -> str | None:
    """Return what one quoted string holds, None for anything else."""
    if len(text) < 2 or text[0] not in QUOTES:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that are in no brackets or quotes; a last one ends nothing."""
    depth, quote, start = 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in QUOTES and not text[start:place].strip():
            quote = char  # one within a word is an apostrophe
        elif char in OPENING:
            depth += 1
        elif char in CLOSING:
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:].strip():
        yield text[start:]
