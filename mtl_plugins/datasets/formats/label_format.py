"""Decoding and encoding of label files."""

from ast import literal_eval
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from ...errors import DataError
from ...targets import IGNORE_LABEL, WIDE_IGNORE_LABEL
from .target_format import FORMATS, TargetFormat

PALETTE_DIGITS = np.array([1 << 16, 1 << 8, 1])
"""Weights that make one integer of a colour (R, G, B)."""

LARGEST_FLOAT = 2.0**53
"""Below it a float64 represents every integer."""


@FORMATS.register_module()
class LabelFormat(TargetFormat):
    """Decode raw label values into class ids 0 to num_classes - 1, and 255 for "no class".

    With more than 255 classes "no class" is 65535, and ids have 16 bits.

    Args:
        num_classes: number of classes, 1 to 65535.
        label_map: id (or 255) of each raw value, or of each colour (R, G, B) if files are
            pictures of classes; None: raw values are ids already.

    Raises:
        DataError: there are no classes, or too many; `label_map` is no dict, is empty or has
            numbers beside colours, or an id in it is no class; or, while decoding, a value is no
            integer or not in `label_map` (None: neither a class nor 255).

    >>> decode = LabelFormat(2, {0: 255, 7: 0, 8: 1})
    >>> decode(np.array([[7, 8, 0]]), 'a.png').tolist()
    [[0, 1, 255]]
    >>> LabelFormat(1, {(128, 64, 128): 0})(np.array([[[128, 64, 128]]]), 'a.png').tolist()
    [[0]]
    """

    exact = True

    def __init__(
        self,
        num_classes: int,
        label_map: Mapping[int, int] | Mapping[tuple[int, int, int], int] | None = None,
    ) -> None:
        if not 1 <= num_classes <= WIDE_IGNORE_LABEL:
            raise DataError(
                f"{num_classes} classes; expected 1 to {WIDE_IGNORE_LABEL}. Name them in the data "
                "set: metainfo=dict(classes=(...)), or classes=(...) of a declared target."
            )
        if label_map is not None and (not isinstance(label_map, Mapping) or not label_map):
            raise DataError(
                f"label_map={label_map!r}; expected a dict of the class of each value, such as "
                "{0: 255, 7: 0, 26: 1}, or None if values are classes already."
            )
        none = IGNORE_LABEL if num_classes <= IGNORE_LABEL else WIDE_IGNORE_LABEL
        self._none = none
        ids = set(range(num_classes)) | {none}
        wrong = {raw: to for raw, to in (label_map or {}).items() if to not in ids}
        if wrong:
            raise DataError(
                f"label_map sends {wrong}, but there are only the classes 0 to {num_classes - 1} "
                f"(and {none} for no class)."
            )
        entries = {i: i for i in ids} if label_map is None else _as_numbers(label_map)
        colours = [isinstance(raw, tuple) for raw in entries]
        if any(colours) and not all(colours):
            raise DataError(
                f"label_map={entries} has numbers and colours; expected keys of one kind. If the "
                "others come from the base of your config, write _delete_=True into yours."
            )
        self.channels = 3 if any(colours) else 1
        codes = {int(self._code(np.array(raw))): to for raw, to in entries.items()}
        self._raw = np.array(sorted(codes))
        self._dtype = np.uint8 if none == IGNORE_LABEL else np.uint16
        self._ids = np.array([codes[raw] for raw in self._raw], self._dtype)
        # Almost all files have 8 bits. Raw values may be negative (Cityscapes' licence plates).
        self._of_byte = np.full(256, -1, np.int16 if none == IGNORE_LABEL else np.int32)
        bytes_ = (self._raw >= 0) & (self._raw < 256)
        self._of_byte[self._raw[bytes_]] = self._ids[bytes_]

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values of the file `path` into H,W ids, uint8 (uint16: over 255 classes)."""
        if self.channels == 1 and raw.dtype == np.uint8:
            ids: np.ndarray = self._of_byte.take(raw)
            if ids.min(initial=0) < 0:
                self._refuse(raw[ids < 0], path)
            return ids.astype(self._dtype)
        self._check_whole(raw, path)
        codes = self._code(raw)
        position = np.searchsorted(self._raw, codes).clip(max=len(self._raw) - 1)
        known = self._raw[position] == codes
        if not known.all():
            self._refuse(codes[~known], path)
        return self._ids[position]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode ids as raw values (or colours, H,W,3): the smallest one that maps to the id.

        >>> LabelFormat(2, {0: 255, 7: 0, 8: 0, 26: 1}).encode(np.array([[0, 1, 255]])).tolist()
        [[7, 26, 0]]
        """
        codes = np.zeros(int(self._ids.max(initial=IGNORE_LABEL)) + 1, np.int64)
        for raw, to in reversed([*zip(self._raw.tolist(), self._ids.tolist(), strict=True)]):
            if raw >= 0:
                codes[to] = raw
        raw = codes[values]
        if self.channels == 3:
            return np.stack([raw >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)
        return raw.astype(np.uint8 if raw.max(initial=0) < 256 else np.uint16)

    @staticmethod
    def _check_whole(raw: np.ndarray, path: str) -> None:
        """Raise for values that are no integers, which would be truncated to some class."""
        if raw.dtype.kind != "f":
            return
        wrong = ~(np.abs(raw) < LARGEST_FLOAT) | (raw != np.rint(raw))
        if wrong.any():
            raise DataError(
                f"{path} has {wrong.sum()} label values that are not whole numbers, such as "
                f"{raw[wrong][0]}. Write class ids as integers."
            )

    def _code(self, raw: np.ndarray) -> np.ndarray:
        return raw.astype(np.int64) if self.channels == 1 else raw.astype(np.int64) @ PALETTE_DIGITS

    def _refuse(self, codes: np.ndarray, path: str) -> NoReturn:
        """Raise for unknown values, with their counts and the expected values."""
        unknown, counts = np.unique(codes, return_counts=True)
        found = ", ".join(
            f"{self._name(v)} ({c} pixels)" for v, c in zip(unknown[:8], counts[:8], strict=True)
        )
        expected = (
            _ranges(self._raw.tolist())
            if self.channels == 1
            else ", ".join(self._name(code) for code in self._raw)
        )
        raise DataError(
            f"{path} has label values that are no class: {found}. Expected one of {expected}. "
            "Correct the file, the data set's classes, or map the values with label_map "
            f"({self._none}: no class)."
        )

    def _name(self, code: int) -> str:
        """Return a raw value, or a colour as 'R G B'."""
        if self.channels == 1:
            return str(code)
        return " ".join(str(int(code) >> shift & 255) for shift in (16, 8, 0))


def _ranges(values: list[int]) -> str:
    """Format sorted integers as text with runs shortened: '0-18, 255'."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _as_numbers(label_map: Mapping[Any, int]) -> dict[Any, int]:
    """Return a label map whose keys are numbers or colours: JSON and YAML may have them as text.

    >>> _as_numbers({"7": 0, "(255, 200, 0)": 1})
    {7: 0, (255, 200, 0): 1}
    """
    found = {}
    for raw, to in label_map.items():
        try:
            key = literal_eval(raw) if isinstance(raw, str) else raw
        except (ValueError, SyntaxError):
            key = None
        numbers = key if isinstance(key, tuple) and len(key) == 3 else (key,)
        if not all(isinstance(each, (int, np.integer)) for each in numbers):
            raise DataError(f"label_map has {raw!r}; expected a number or a colour (R, G, B).")
        found[key] = to
    return found
