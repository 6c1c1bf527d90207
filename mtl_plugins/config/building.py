"""Turn errors of parts that are being built into errors that name the part of the config."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mmengine.config import Config
from mmengine.registry import build_from_cfg
from mmengine.runner import BaseLoop

from ..errors import ConfigError, MTLError
from .check import typed_nodes

INSTALLED = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")),
)
"""Folders of code that is not the user's."""


LONGEST = 200
"""Characters of the values that a message shows."""


@contextmanager
def building(config: Config | Mapping[str, Any]) -> Iterator[None]:
    """Name the part of a config whose values raise an error while it is being built.

    Errors about files and imports, and those raised by a module of the user, pass unchanged: the
    user needs their traceback. So do errors of a training or evaluation that has begun.

    Raises:
        ConfigError: a part raised an error when it was built from its values.
    """
    try:
        yield
    except (MTLError, OSError, ImportError):
        raise
    except Exception as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if any(_runs(frame) for frame in frames):
            raise
        calls = [i for i, frame in enumerate(frames) if frame.f_code is build_from_cfg.__code__]
        inside = frames[calls[-1] if calls else 2 :]
        if any(_is_users(frame) for frame in inside):
            raise
        raise ConfigError(_message(error, inside, config)) from error


def _runs(frame: FrameType) -> bool:
    """Return whether a frame is that of a loop that has been built and runs."""
    return frame.f_code.co_name == "run" and isinstance(frame.f_locals.get("self"), BaseLoop)


def _is_users(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    return os.path.isabs(path) and not path.startswith(INSTALLED)


def _message(error: Exception, frames: list[FrameType], config: Any) -> str:
    last = frames[-1]
    place = f"{os.path.basename(last.f_code.co_filename)}:{last.f_lineno}"
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
    is_part = frames[0].f_code is build_from_cfg.__code__
    part = _part(frames[0].f_locals.get("cfg"), config) if is_part else "The run"
    return (
        f"{part} cannot be set up with the values of the config: {reason} ({place}). "
        "tools/print_config.py CONFIG --source shows where each value was set."
    )


def _part(given: Any, config: Config | Mapping[str, Any]) -> str:
    """Return the key of what was being built, with its values."""
    if not isinstance(given, Mapping) or "type" not in given:
        return f"A part that is {given!r}"
    values = config.to_dict() if isinstance(config, Config) else config
    same = [(key, node) for key, node in typed_nodes(values) if node["type"] == given["type"]]
    key, node = max(same, key=lambda found: _agreement(found[1], given), default=("", given))
    shown = ", ".join(f"{name}={value!r}" for name, value in node.items() if name != "type")
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} ..."
    return f"{key or 'A part'} = {given['type']}({shown})"


def _agreement(node: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Count the values of a part of the config that were given when it was built."""
    return sum(name in given and given[name] == value for name, value in node.items())
