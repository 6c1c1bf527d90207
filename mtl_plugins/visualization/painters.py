"""The painter of each type of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .class_painters import paint_binary, paint_classes
from .maps import TaskMaps
from .rows import Row, Style
from .value_painters import paint_direction, paint_distance, paint_offset, paint_scalar

Painter = Callable[[TaskMaps, Style], Row]
"""Function that paints truth and prediction of a task, one of which may be missing."""


def _scalar(maps: TaskMaps, style: Style) -> Row:
    return (paint_distance if maps.target.distance else paint_scalar)(maps, style)


PAINTERS: Mapping[str, Painter] = dict(
    classes=paint_classes,
    binary=paint_binary,
    scalar=_scalar,
    direction=paint_direction,
    offset=paint_offset,
)
"""Painters by type."""


def paint_row(maps: TaskMaps, style: Style) -> Row:
    """Paint the maps of a task with the painter of their target's type.

    Equal values of truth and prediction have equal colours. There is an error where both maps
    are given.
    """
    maps, style = style.described(maps)
    return PAINTERS[maps.target.type](maps, style)
