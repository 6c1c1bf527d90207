"""Targets: what a sample has besides its image, by name and type; and every data key.

A target is a name, a type and its parameters. A data set declares its targets; a head finds its
target by the task's name.

| type        | array of a pixel                                   | without truth            |
|-------------|----------------------------------------------------|--------------------------|
| `classes`   | class id, integer                                  | 255 (65535: > 255 classes)|
| `binary`    | 0 or 1, integer                                    | 255                      |
| `scalar`    | a number with a unit; a `distance` is above 0      | nan; 0 of a distance     |
| `direction` | unit vector in the camera frame                    | 0, 0, 0                  |
| `offset`    | vector in pixels of the image (x right, y down)    | nan, nan                 |

Three targets are predefined and keep mmseg's keys; a target `name` has the keys of the last row:

| name      | type        | in transforms   | truth, `SegDataSample` | prediction        |
|-----------|-------------|-----------------|------------------------|-------------------|
| `semseg`  | `classes`   | `gt_seg_map`    | `gt_sem_seg`           | `pred_sem_seg`    |
| `depth`   | `scalar`    | `gt_depth_map`  | `gt_depth_map`         | `pred_depth_map`  |
| `normals` | `direction` | `gt_normal_map` | `gt_normal_map`        | `pred_normal_map` |
| name      | any         | `gt_<name>_map` | `gt_<name>_map`        | `pred_<name>_map` |

Arrays in transforms are H,W or H,W,C; in samples C,H,W. Floating-point values are float32. The
image is `img` H,W,3 uint8 BGR, then `inputs` N,3,H,W float32, normalised; a head returns raw maps
N,C,h,w, and losses are `{task/loss: scalar}`.

Normals are unit vectors of the visible surface in the camera frame: x right, y down, z ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from keyword import iskeyword
from typing import Any

from .errors import ConfigError
from .install import check_gone
from .utils import did_you_mean

IGNORE_LABEL = 255
"""Class id of a pixel without a class: not trained on, not evaluated."""

WIDE_IGNORE_LABEL = 65535
"""The same where there are more than 255 classes."""

NO_DEPTH = 0.0
"""Distance of a pixel without a measurement: not trained on, not evaluated."""

NO_NORMAL = 0.0
"""Each component of the direction of a pixel without one: not trained on, not evaluated."""

MIRRORED_AXES = {"horizontal": (0,), "vertical": (1,), "diagonal": (0, 1)}
"""Components of a vector (x right, y down) that change sign when the image is flipped."""

SEVERAL_TASKS = "multitask"
"""First part of the names of measures over several tasks; no target may have this name."""

SCORED = ("semseg", "depth")
"""The two targets of `multitask/score`; their measures are labelled without their names."""

MMSEG_LABELS = "gt_seg_map"
"""The one array that mmseg's own transforms take for labels."""

PACKED_BY_MMSEG = ("gt_seg_map", "gt_depth_map")
"""The arrays that mmseg's `PackSegInputs` packs."""

GIVEN = {"img", "img_path", "inputs", "targets"}
"""Keys of a sample that no target may use."""

TYPES: dict[str, int] = dict(classes=1, binary=1, scalar=1, direction=3, offset=2)
"""Every type and its number of channels."""

_MMSEG_KEYS = {
    "semseg": dict(
        array="gt_seg_map",
        truth="gt_sem_seg",
        prediction="pred_sem_seg",
        logits="seg_logits",
        path="seg_map_path",
    ),
    "normals": dict(
        array="gt_normal_map",
        truth="gt_normal_map",
        prediction="pred_normal_map",
        path="normal_map_path",
    ),
}
"""Keys that do not follow from a target's name."""


@dataclass(frozen=True)
class Target:
    """Describe a dense target: its name, its type, and the parameters of the type.

    Args:
        name: an identifier; gives the keys in samples.
        type: one of `TYPES`.
        classes: names of the classes (`classes`).
        palette: R, G, B in 0..255 of each class; () for colours that follow from the number.
        unit: of a `scalar`, for pictures and tables.
        range: smallest and largest value of a `scalar`; a head predicts within it.
        distance: the `scalar` is a distance from the camera: above 0, compared by ratio, and
            divided by the factor when a transform brings the scene nearer.
        truth_of: name of the target whose truth this one is compared with; default: its own. A
            second task that learns a target has a target of this kind.

    Raises:
        ConfigError: a value is missing, of another form, or does not belong to the type.

    >>> lanes = Target("lanes", "classes", classes=("none", "solid"))
    >>> lanes.array, lanes.prediction, lanes.path, lanes.invalid
    ('gt_lanes_map', 'pred_lanes_map', 'lanes_map_path', 255)
    >>> DEPTH.truth, DEPTH.prediction, DEPTH.invalid
    ('gt_depth_map', 'pred_depth_map', 0.0)
    """

    name: str
    type: str
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    unit: str = ""
    range: tuple[float, float] | None = None
    distance: bool = False
    truth_of: str = ""

    def __post_init__(self) -> None:
        # Configs and JSON have lists where equality and hashing need tuples.
        if isinstance(self.classes, str):
            raise ConfigError(
                f"targets.{self.name}: classes={self.classes!r}; expected a list of names."
            )
        object.__setattr__(self, "classes", tuple(self.classes or ()))
        palette = tuple(tuple(color) for color in self.palette or ())
        object.__setattr__(self, "palette", palette)
        if self.range is not None:
            object.__setattr__(self, "range", tuple(self.range))
        if problem := self._problem():
            raise ConfigError(f"targets.{self.name}: {problem}")

    def _problem(self) -> str:
        """Return what is wrong with the values, and what was expected; empty if nothing is."""
        if self.type not in TYPES:
            return f"type={self.type!r}. {did_you_mean(str(self.type), TYPES)}"
        # A word of Python cannot be written as the name of an argument in a config.
        named = str(self.name).isidentifier() and not iskeyword(self.name)
        named = named and self.name != SEVERAL_TASKS
        if not named or self._own_keys() & (GIVEN | _taken_keys(self.name, self.truth_of)):
            return (
                f"the name {self.name!r} cannot be used; expected an identifier other than "
                f"{SEVERAL_TASKS!r} and the words of Python, whose keys (gt_{self.name}_map, ...) "
                "are free."
            )
        texts = all(isinstance(name, str) for name in self.classes)
        if (self.classes and self.type != "classes") or not texts:
            return f"classes={self.classes!r}; expected names, and only for the type 'classes'."
        if len(set(self.classes)) != len(self.classes):
            return f"classes={self.classes!r} has a name twice; expected different names."
        if len(self.classes) > WIDE_IGNORE_LABEL:
            return f"{len(self.classes)} classes; expected at most {WIDE_IGNORE_LABEL}."
        colors = all(
            len(color) == 3 and 0 <= min(color) <= max(color) <= 255 for color in self.palette
        )
        if len(self.palette) not in (0, len(self.classes)) or not colors:
            return (
                f"palette={self.palette!r}; expected red, green, blue of 0 to 255 for each of the "
                f"{len(self.classes)} classes, or none."
            )
        if self.type != "scalar" and (self.range is not None or self.distance):
            return f"range and distance belong to the type 'scalar', not to {self.type!r}."
        low = 0 if self.distance else -float("inf")
        ends = self.range or (0, 1)
        if len(ends) != 2 or not low <= ends[0] < ends[1] < float("inf"):
            return (
                f"range={self.range!r}; expected (smallest, largest){' above 0' * self.distance}."
            )
        return ""

    def _own_keys(self) -> set[str]:
        shared = set() if self.truth_of else {self.array, self.truth, self.path}
        return {self.prediction, self.logits, *shared}

    def _key(self, which: str, name: str, default: str) -> str:
        return _MMSEG_KEYS.get(name, {}).get(which, default)

    @property
    def truth_name(self) -> str:
        """Return the name of the target that holds the truth."""
        return self.truth_of or self.name

    @property
    def array(self) -> str:
        """Return the key of the truth in a transform's results."""
        return self._key("array", self.truth_name, f"gt_{self.truth_name}_map")

    @property
    def truth(self) -> str:
        """Return the key of the truth on a `SegDataSample`."""
        return self._key("truth", self.truth_name, f"gt_{self.truth_name}_map")

    @property
    def prediction(self) -> str:
        """Return the key of the prediction on a `SegDataSample`."""
        return self._key("prediction", self.name, f"pred_{self.name}_map")

    @property
    def logits(self) -> str:
        """Return the key of the raw map on a `SegDataSample`."""
        return self._key("logits", self.name, f"{self.name}_raw")

    def extra(self, name: str) -> str:
        """Return the key of something else about a prediction, such as its "confidence"."""
        return f"{name}_{self.name}_map"

    @property
    def path(self) -> str:
        """Return the key of the file in `data_prefix` and in a sample."""
        return self._key("path", self.truth_name, f"{self.truth_name}_map_path")

    @property
    def form(self) -> str:
        """Return the key of the target in tables of what each type has: its type, or "distance"."""
        return "distance" if self.distance else self.type

    @property
    def channels(self) -> int:
        """Return the number of values of a pixel."""
        return TYPES[self.type]

    @property
    def integer(self) -> bool:
        """Return whether the values are ids."""
        return self.type in ("classes", "binary")

    @property
    def vector(self) -> bool:
        """Return whether the values are a vector, which changes when the image is mirrored."""
        return self.type in ("direction", "offset")

    @property
    def num_classes(self) -> int:
        """Return the number of classes; 2 of a binary target, 0 of others."""
        return 2 if self.type == "binary" else len(self.classes)

    @property
    def invalid(self) -> float:
        """Return the value of a pixel without truth, and of padding (of each channel)."""
        if self.integer:
            return WIDE_IGNORE_LABEL if len(self.classes) > IGNORE_LABEL else IGNORE_LABEL
        return 0.0 if self.distance or self.type == "direction" else float("nan")

    @property
    def dtype(self) -> str:
        """Return the NumPy type of the array."""
        if self.integer:
            return "uint16" if self.invalid > IGNORE_LABEL else "uint8"
        return "float32"

    def known(self, values: Any) -> Any:
        """Return which pixels have a value: an array H,W or H,W,C -> H,W bool.

        >>> import numpy as np
        >>> DEPTH.known(np.array([[0.0, 2.5, np.inf]])).tolist()
        [[False, True, False]]
        """
        found = self._known_values(values)
        if not self.vector:
            return found
        return found.any(-1) if self.type == "direction" else found.all(-1)

    def known_pixels(self, values: Any) -> Any:
        """Return which pixels have a value: a tensor (N,)C,H,W -> (N,)1,H,W bool.

        >>> import torch
        >>> NORMALS.known_pixels(torch.tensor([0.0, 0.0, 1.0]).view(3, 1, 1)).flatten().tolist()
        [True]
        """
        found = self._known_values(values)
        return found.any(-3, True) if self.type == "direction" else found.all(-3, True)

    def _known_values(self, values: Any) -> Any:
        if self.integer:
            return values != self.invalid
        if self.type == "direction":
            return values != NO_NORMAL
        finite = abs(values) < float("inf")  # False for nan as well
        return finite & (values > NO_DEPTH) if self.distance else finite

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters, without the name and without usual values, as JSON."""
        defaults = {field.name: field.default for field in fields(self)}
        # Of a predefined target, what is missing comes from that one.
        usual = asdict(PREDEFINED[self.name]) if self.name in PREDEFINED else defaults
        given = {
            k: v
            for k, v in asdict(self).items()
            if k != "name" and (v != defaults[k] or v != usual[k])
        }
        lists = {k: list(v) for k, v in given.items() if isinstance(v, tuple)}
        if "palette" in lists:
            lists["palette"] = [list(color) for color in lists["palette"]]
        return {**given, **lists}

    def learned_by(self, task: str) -> Target:
        """Return the target of a further task that learns this one: same truth, own prediction."""
        return replace(self, name=task, truth_of=self.truth_name)


def _taken_keys(*names: str) -> set[str]:
    """Return mmseg's keys of the targets of other names."""
    others = {name: keys for name, keys in _MMSEG_KEYS.items() if name not in names}
    return {key for keys in others.values() for key in keys.values()}


SEMSEG = Target("semseg", "classes")
DEPTH = Target("depth", "scalar", unit="m", distance=True)
NORMALS = Target("normals", "direction")
PREDEFINED: dict[str, Target] = {target.name: target for target in (SEMSEG, DEPTH, NORMALS)}
"""The targets that need not be declared, in the order of tables and pictures. A data set adds its
classes and unit to them."""


def declared_target(name: str, parameters: Mapping[str, Any]) -> Target:
    """Return the target that a config or a stored description declares.

    Args:
        name: of the target.
        parameters: arguments of `Target`; what is missing comes from the predefined target of
            this name.

    Raises:
        ConfigError: there is no type, or an argument is unknown or wrong.

    >>> declared_target("depth", dict(range=(0.1, 80))).distance
    True
    """
    known = {field.name for field in fields(Target)} - {"name"}
    for key in parameters:
        if key not in known:
            raise ConfigError(f"targets.{name} has no {key!r}. {did_you_mean(key, known)}")
    if name in PREDEFINED:
        base = PREDEFINED[name]
        if parameters.get("type", base.type) != base.type:
            raise ConfigError(
                f"targets.{name}: type={parameters['type']!r}, but {name!r} is predefined with the "
                f"type {base.type!r}. Call yours something else."
            )
        return replace(base, **parameters)
    if "type" not in parameters:
        raise ConfigError(
            f"targets.{name} has no type; expected type= one of {list(TYPES)}. Only "
            f"{list(PREDEFINED)} need none."
        )
    return Target(name, **parameters)


def targets_in(meta: Mapping[str, Any] | None) -> dict[str, Target]:
    """Return the targets of a data set by name, from its metainfo.

    Data sets and checkpoints of other libraries (or of version 0.1) describe only `classes`,
    `palette` and `depth_unit`; these are parameters of the predefined targets.

    >>> list(targets_in(dict(classes=("road", "sky"))))
    ['semseg', 'depth', 'normals']
    """
    meta = meta or {}
    if "targets" in meta:
        return {name: declared_target(name, each) for name, each in meta["targets"].items()}
    classes = tuple(meta.get("classes") or ())
    palette = meta.get("palette") or ()
    fitting = palette if len(palette) == len(classes) else ()
    semseg = replace(SEMSEG, classes=classes, palette=fitting)
    depth = replace(DEPTH, unit=meta.get("depth_unit") or DEPTH.unit)
    return {target.name: target for target in (semseg, depth, NORMALS)}


def loaded_targets(results: Mapping[str, Any]) -> list[Target]:
    """Return the targets whose arrays a transform's results list in `seg_fields`."""
    fields_ = results.get("seg_fields", ())
    known: Iterable[Target] = results.get("targets", PREDEFINED.values())
    return [target for target in known if target.array in fields_]


def named_targets(targets: Iterable[Target], names: Sequence[str], owner: str) -> list[Target]:
    """Return the targets of some names.

    Raises:
        ConfigError: there is no target of a name; the message begins with `owner`.
    """
    found = {target.name: target for target in targets}
    for name in names:
        if name not in found:
            raise ConfigError(f"{owner} names the target {name!r}. {did_you_mean(name, found)}")
    return [found[name] for name in names]


def __getattr__(name: str) -> Any:
    """Explain what replaces a name that is gone."""
    check_gone(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
