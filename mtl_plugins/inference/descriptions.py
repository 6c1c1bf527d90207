"""The metainfo of a predictor: the target of each task, and the entries of version 0.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..datasets.files import Ranges, frozen_range
from ..errors import ConfigError
from ..models.preprocessing import RGB_CHANNELS
from ..models.segmentors import EXTRAS
from ..models.task_heads import TaskHead
from ..targets import DEPTH, PREDEFINED, Target, declared_target, targets_in
from ..utils import did_you_mean
from ..visualization import default_palette


def metainfo_of(
    targets: Mapping[str, Target],
    image_range: Ranges | None = None,
    image_channels: int = RGB_CHANNELS,
) -> dict[str, Any]:
    """Return the metainfo of a predictor: `targets`, and entries that follow from them.

    These are `classes` and `palette` of the first target of the type `classes`, `depth_unit` of
    the first distance (predefined targets come first), and `tasks`, the name of each task's target.
    `image_range` and `image_channels` are those of the images it was trained with, see
    `read_image`.

    >>> metainfo_of({"far": DEPTH})["tasks"]
    {'far': 'depth'}
    """
    known = sorted(targets.values(), key=lambda target: target.name not in PREDEFINED)
    labels = next((target for target in known if target.type == "classes"), None)
    return dict(
        targets=dict(targets),
        classes=labels.classes if labels else (),
        palette=[*labels.palette] if labels else [],
        depth_unit=next((t.unit for t in known if t.distance), DEPTH.unit),
        tasks={task: target.truth_name for task, target in targets.items()},
        image_range=None if image_range is None else frozen_range(image_range),
        image_channels=image_channels,
    )


def extra_outputs(
    heads: Mapping[str, TaskHead], extras: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Return what a network can predict besides its tasks: name -> task and extra.

    Args:
        heads: the network's task heads.
        extras: which of `EXTRAS`.

    Raises:
        ConfigError: an extra is unknown, no task has it, or its name is that of a task.
    """
    found: dict[str, tuple[str, str]] = {}
    for extra in [extras] if isinstance(extras, str) else extras:
        if extra not in EXTRAS:
            raise ConfigError(f"extras={extras!r}. {did_you_mean(str(extra), EXTRAS)}")
        of = [task for task, head in heads.items() if head.merges_probabilities]
        if not of:
            raise ConfigError(f"extras={extras!r}: none of the tasks {[*heads]} has probabilities.")
        found |= {f"{task}_{extra}": (task, extra) for task in of}
    if taken := {*found} & {*heads}:
        raise ConfigError(f"extras={extras!r}: a task is called {sorted(taken)[0]!r} already.")
    return found


def targets_of(metainfo: Mapping[str, Any]) -> dict[str, Target]:
    """Return the target of each task of a predictor.

    Args:
        metainfo: of the predictor. One of version 0.1 has no `targets`, but the predefined ones'
            names in `tasks`, and `classes`, `palette` and `depth_unit`.

    Raises:
        ConfigError: a task has no known target.
    """
    if "targets" in metainfo:
        return dict(metainfo["targets"])
    known = targets_in(metainfo)
    found = {}
    for task, name in metainfo.get("tasks", {}).items():
        if name not in known:
            raise ConfigError(
                f"The predictor's task {task!r} predicts {name!r}, which its metainfo does not "
                f"describe. {did_you_mean(str(name), known)} For a target of yours give "
                f"metainfo['targets'] = {{{task!r}: Target(...)}}."
            )
        found[task] = known[name]
    return found


def network_targets(heads: Mapping[str, TaskHead], meta: Mapping[str, Any]) -> dict[str, Target]:
    """Return the target of each task of a network, complete with names and colours of classes.

    Args:
        heads: the network's task heads.
        meta: of the data set. It describes targets of which the network knows only the name, as
            networks of version 0.1 do. Classes that do not fit the head are named "class 0", ...
    """
    declared = _declared(meta)
    found = {}
    for task, head in heads.items():
        target = head.target
        own = replace(target, name=target.truth_name, truth_of="")
        known = declared.get(own.name)
        if known is not None and own == PREDEFINED.get(own.name):
            target = replace(known, name=target.name, truth_of=target.truth_of)
        if target.type == "classes":
            target = _with_classes(target, head.out_channels)
        found[task] = target
    return found


def to_plain(targets: Mapping[str, Target]) -> dict[str, dict[str, Any]]:
    """Return the target of each task as JSON.

    >>> to_plain({"far": DEPTH})
    {'far': {'name': 'depth', 'type': 'scalar', 'unit': 'm', 'distance': True}}
    """
    return {task: dict(name=each.name, **each.to_dict()) for task, each in targets.items()}


def from_plain(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Target]:
    """Return the targets that `to_plain` described.

    Raises:
        ConfigError: a parameter is unknown or wrong.
        TypeError, KeyError, ValueError, AttributeError: the values have another form.

    >>> from_plain(to_plain({"far": DEPTH}))["far"] == DEPTH
    True
    """
    found = {}
    for task, each in values.items():
        parameters = dict(each)
        found[task] = declared_target(parameters.pop("name"), parameters)
    return found


def is_rgb(color: Any) -> bool:
    """Return whether a colour is a list or tuple of three integers in 0..255."""
    channels = color if isinstance(color, (list, tuple)) else ()
    return len(channels) == 3 and all(isinstance(c, int) and 0 <= c <= 255 for c in channels)


def _declared(meta: Mapping[str, Any]) -> dict[str, Target]:
    """Return the targets that a checkpoint's data set declares; none if it is damaged."""
    palette = meta.get("palette")
    good = isinstance(palette, (list, tuple)) and all(map(is_rgb, palette))
    try:
        return targets_in(meta if good else {**meta, "palette": ()})
    except (ConfigError, ValueError, TypeError, AttributeError):
        return {}


def _with_classes(target: Target, number: int) -> Target:
    """Return a target with names and colours of as many classes as a head predicts."""
    if len(target.classes) != number:
        names = tuple(f"class {index}" for index in range(number))
        target = replace(target, classes=names, palette=())
    return target if target.palette else replace(target, palette=tuple(default_palette(number)))
