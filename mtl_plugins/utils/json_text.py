"""JSON that may be damaged: one kind of error, and no numbers that arithmetic cannot hold."""

from __future__ import annotations

import json
from typing import Any

LARGEST = 1 << 63
"""Integers from here on fit neither tensors nor, some, floats."""


def parse_json(text: str) -> Any:
    """Return the value of a JSON text; NaN and Infinity are numbers, as Python writes them.

    Raises:
        ValueError: the text is no JSON, nested too deep, or holds an integer of over 64 bits.

    >>> parse_json('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: it is nested too deep
    """
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _integer(text: str) -> int:
    value = int(text)
    if abs(value) >= LARGEST:
        raise ValueError(f"the number {text[:20]}... has over 64 bits")
    return value
