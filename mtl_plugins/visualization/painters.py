"""The painter of each type of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .class_painters import paint_binary, paint_classes
from .maps import TaskMaps
from .painted import Row, Style
from .value_painters import paint_direction, paint_distance, paint_offset, paint_scalar

Painter = Callable[[TaskMaps, Style], Row]
"""Function that paints truth and prediction of a task, one of which may be missing."""


PAINTERS: Mapping[str, Painter] = dict(
    classes=paint_classes,
    binary=paint_binary,
    scalar=paint_scalar,
    distance=paint_distance,
    direction=paint_direction,
    offset=paint_offset,
)
"""Form of a target -> its painter."""


def paint_row(maps: TaskMaps, style: Style) -> Row:
    """Paint the maps of a task with the painter of their target's type.

    Equal values of truth and prediction have equal colours. There is an error where both maps
    are given.
    """
    return PAINTERS[maps.target.form](maps, style)
