"""The base of all formats, the general format, and the registry of each kind's format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ...targets import DENSE_TARGETS, SEMSEG
from ...utils import did_you_mean


class TargetFormat(ABC):
    """Decode the raw values of a target's file into the values that `targets.py` defines.

    `channels` is the number of channels of a file (0: any). An `exact` format refuses files with
    lossy compression. If the meaning of raw values differs from file to file (disparity with one
    camera per file), `for_file` returns the format of one file.
    """

    channels: int = 1
    exact: bool = False

    @abstractmethod
    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values, H,W or H,W,channels, of the file `path`."""

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode decoded values as raw values, to write predictions in the format of the truth."""
        raise NotImplementedError(f"{type(self).__name__} cannot encode.")

    def for_file(self, path: str) -> TargetFormat:
        """Return the format of one file, which needs no other file to decode it."""
        return self


@dataclass(frozen=True)
class ValueFormat(TargetFormat):
    """Decode the files of any kind without a format of its own: `value = raw * scale + offset`.

    Args:
        kind: one of `DENSE_TARGETS`; gives the number of channels and the invalid value.
        scale, offset: units per raw step, and the value of raw 0 (8-bit shares of 1: scale
            1 / 255).
        invalid: raw values that mean "no truth"; nan and infinity always do. A pixel is invalid
            if all its channels are.

    Raises:
        DataError: `scale` is 0 or not finite, or the kind is unknown.

    >>> ValueFormat("depth", scale=0.01, invalid=(0, 255))(np.array([[0, 50, 255]])).tolist()
    [[0.0, 0.5, 0.0]]
    """

    kind: str
    scale: float = 1.0
    offset: float = 0.0
    invalid: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "invalid", tuple(self.invalid))
        if self.kind not in DENSE_TARGETS or not self.scale or not np.isfinite(self.scale):
            raise DataError(
                f"{self}: expected a kind of {list(DENSE_TARGETS)}, and a finite scale that is "
                "not 0."
            )

    @property
    def channels(self) -> int:  # type: ignore[override]  # read-only here
        """Number of channels of a file."""
        return DENSE_TARGETS[self.kind].channels

    def __call__(self, raw: np.ndarray, path: str = "") -> np.ndarray:
        """Decode raw values of the file `path` into float32 values of the same shape."""
        unknown = ~np.isfinite(raw) | np.isin(raw, self.invalid)
        values = np.where(unknown, 0, raw).astype(np.float64) * self.scale + self.offset
        none = unknown if self.channels == 1 else unknown.all(-1)
        values[none] = DENSE_TARGETS[self.kind].invalid
        return values.astype(np.float32)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode values as the nearest valid raw values: uint16 of one channel, uint8 of three.

        Raises:
            NotImplementedError: image files do not have that number of channels.

        >>> ValueFormat("depth", scale=0.5, invalid=(0,)).encode(np.array([[2.0, 0.1]])).tolist()
        [[4, 1]]
        """
        if self.channels not in (1, 3):
            raise NotImplementedError(f"No picture has {self.channels} channels.")
        kind = np.uint16 if self.channels == 1 else np.uint8
        known = np.setdiff1d(np.arange(np.iinfo(kind).max + 1), self.invalid)
        raw = np.nan_to_num((values.astype(np.float64) - self.offset) / self.scale)
        above = np.searchsorted(known, raw).clip(1, len(known) - 1)
        nearer = raw - known[above - 1] <= known[above] - raw
        return np.where(nearer, known[above - 1], known[above]).astype(kind)


_REGISTERED: dict[str, type[TargetFormat]] = {}
"""Kind -> its format. Classes have none here: their format depends on the data set's classes."""


def register_format(kind: str, format_class: type[TargetFormat]) -> type[TargetFormat]:
    """Register the format of a kind of target whose files `ValueFormat` cannot decode.

    Args:
        kind: one of `DENSE_TARGETS`.
        format_class: a frozen dataclass. Its fields are the arguments that a config can set and
            that packed data stores, so their values must be JSON.

    Raises:
        ConfigError: the kind is unknown or has a format, or the class is no such dataclass.
    """
    if _REGISTERED.get(kind) is format_class:
        return format_class
    if kind not in DENSE_TARGETS or kind in _REGISTERED or kind == SEMSEG.kind:
        state = "has a format already" if kind in DENSE_TARGETS else "is not registered"
        raise ConfigError(f"The kind {kind!r} {state}. Call register_target for a kind of yours.")
    if not is_dataclass(format_class) or not issubclass(format_class, TargetFormat):
        raise ConfigError(f"{format_class} is no dataclass that derives from TargetFormat.")
    _REGISTERED[kind] = format_class
    return format_class


def format_class_of(kind: str) -> type[TargetFormat]:
    """Return the registered format of a kind, or else `ValueFormat`."""
    return _REGISTERED.get(kind, ValueFormat)


def build_format(kind: str, arguments: Mapping[str, Any] | None, name: str) -> TargetFormat:
    """Build the format of a kind from the config's argument called `name`.

    Raises:
        ConfigError: the format has no such argument, or refuses its value.
    """
    arguments = dict(arguments or {})
    format_class = format_class_of(kind)
    known = {field.name for field in fields(format_class) if field.init} - {"kind"}  # type: ignore[arg-type]  # a dataclass
    for argument in arguments:
        if argument not in known:
            raise ConfigError(f"{name} has no {argument!r}. {did_you_mean(argument, known)}")
    if format_class is ValueFormat:
        arguments["kind"] = kind
    try:
        return format_class(**arguments)
    except TypeError as error:
        raise ConfigError(f"{name}={arguments}: {error}") from error
