"""Targets: their keys and values, the tables by type of every room, and who names a target."""

from __future__ import annotations

import ast
import importlib
import math
import pkgutil
from pathlib import Path

import numpy as np
import pytest
import torch

import mtl_plugins
from mtl_plugins.errors import ConfigError
from mtl_plugins.targets import (
    DEPTH,
    NORMALS,
    PREDEFINED,
    SEMSEG,
    TYPES,
    Target,
    declared_target,
    targets_in,
)
from tests.conftest import ROOT

ONE_OF_EACH = [
    Target("parts", "classes", classes=("head", "arm"), palette=((255, 0, 0), (0, 255, 0))),
    Target("many", "classes", classes=tuple(map(str, range(300)))),
    Target("edges", "binary"),
    Target("height", "scalar", unit="m", range=(-5.0, 50.0)),
    Target("lidar", "scalar", unit="m", distance=True, range=(0.5, 80.0)),
    Target("depth", "scalar", unit="", range=(-1.0, 1.0)),
    Target("facing", "direction"),
    Target("flow", "offset"),
]


def test_the_predefined_targets_keep_mmsegs_keys():
    keys = {name: (t.array, t.truth, t.prediction, t.path) for name, t in PREDEFINED.items()}
    assert keys == {
        "semseg": ("gt_seg_map", "gt_sem_seg", "pred_sem_seg", "seg_map_path"),
        "depth": ("gt_depth_map", "gt_depth_map", "pred_depth_map", "depth_map_path"),
        "normals": ("gt_normal_map", "gt_normal_map", "pred_normal_map", "normal_map_path"),
    }
    assert (SEMSEG.invalid, DEPTH.invalid, NORMALS.invalid) == (255, 0.0, 0.0)


@pytest.mark.parametrize("target", ONE_OF_EACH, ids=lambda target: target.name)
def test_a_description_gives_the_target_back(target):
    meta = dict(targets={target.name: target.to_dict()})
    assert targets_in(meta) == {target.name: target}


def test_values_without_truth_are_known_by_type():
    many, height, flow = ONE_OF_EACH[1], ONE_OF_EACH[3], ONE_OF_EACH[-1]
    assert many.invalid == 65535 and many.dtype == "uint16"
    assert math.isnan(height.invalid) and math.isnan(flow.invalid)
    assert height.known(np.array([[np.nan, -3.0]])).tolist() == [[False, True]]
    assert flow.known(np.array([[[np.nan, 1.0], [0.0, 0.0]]])).tolist() == [[False, True]]
    pixels = torch.tensor([[math.nan, 0.0], [1.0, 0.0]]).view(2, 1, 2)  # C,H,W
    assert flow.known_pixels(pixels).tolist() == [[[False, True]]]


def test_another_task_with_the_same_target_has_its_own_prediction():
    second = SEMSEG.learned_by("second")
    assert (second.truth, second.prediction) == ("gt_sem_seg", "pred_second_map")
    assert second.learned_by("third").truth_name == "semseg"


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("lanes", dict(type="class"), "Did you mean classes"),
        ("lanes", {}, "lanes has no type"),
        ("lanes", dict(type="classes", color=1), "no 'color'. Choose from"),
        ("multitask", dict(type="binary"), "cannot be used"),
        ("seg", dict(type="binary"), "cannot be used"),  # gt_seg_map is mmseg's
        ("my lanes", dict(type="binary"), "cannot be used"),
        ("lanes", dict(type="binary", classes=("a",)), "only for the type 'classes'"),
        ("lanes", dict(type="classes", classes=("a",), palette=[(1, 2)]), "red, green, blue"),
        ("height", dict(type="scalar", range=(5, 1)), r"expected \(smallest, largest\)"),
        ("height", dict(type="binary", range=(1, 5)), "belong to the type 'scalar'"),
        ("depth", dict(range=(-1, 5)), "above 0"),
        ("depth", dict(type="binary"), "predefined with the type 'scalar'"),
    ],
)
def test_wrong_declarations_say_what_to_do(name, parameters, message):
    with pytest.raises(ConfigError, match=message):
        declared_target(name, parameters)


def modules():
    for each in pkgutil.walk_packages(mtl_plugins.__path__, "mtl_plugins."):
        yield importlib.import_module(each.name)


def test_every_table_by_type_has_every_type():
    tables = {
        f"{module.__name__}.{name}": {*value}
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, dict) and len({*value} & {*TYPES}) > 2
    }
    assert len(tables) > 5
    # A table may have an entry for scalars that are distances.
    wrong = {name: (keys - {"distance"}) ^ {*TYPES} for name, keys in tables.items()}
    assert {name: keys for name, keys in wrong.items() if keys} == {}


NAMED = {
    "semseg", "depth", "normals", "gt_seg_map", "gt_depth_map", "gt_normal_map", "gt_sem_seg",
    "pred_sem_seg", "pred_depth_map", "pred_normal_map", "seg_map_path", "depth_map_path",
    "normal_map_path", "SEMSEG", "DEPTH", "NORMALS",
}  # fmt: skip

MAY_NAME = {
    "targets.py": "predefines them",
    "datasets/catalog": "a known data set has these targets",
    "datasets/dense_dataset.py": "mmseg's metainfo describes them",
    "datasets/multi_task_dataset.py": "mmseg's arguments describe them",
    "street_scenes": "names of folders",
    "inference/kinds.py": "names of kinds of output",
    "config/foreign.py": "mmseg's metrics measure them",
    "datasets/inherited.py": "mmseg's arguments describe them",
    "datasets/joined_dataset.py": "mmseg's data sets have classes alone",
    "inference/output.py": "names of kinds of output",
    "inference/pictures.py": "names of kinds of output",
    "inference/predictor.py": "shortcuts of a prediction",
    "inference/descriptions.py": "descriptions of version 0.1",
    "data_tools/depth_statistics.py": "the usual distance",
    "visualization/panels.py": "the usual caption of a distance",
    "models/losses": "names of spaces in which losses compare",
    "models/task_heads": "names of these spaces, and the targets of heads of version 0.1",
}
"""Files and folders of the package that may ask for a target by its name, and why."""


def names_in(text):
    """Yield the line and the name of each target that a module's code asks for by name."""
    tree = ast.parse(text)
    texts = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in texts and node.value in NAMED:
            yield node.lineno, node.value
        # An import may serve an example in a docstring.
        if isinstance(node, ast.Name) and node.id.isupper() and node.id in NAMED:
            yield node.lineno, node.id


def test_nobody_else_asks_for_a_target_by_its_name():
    package, found = Path(ROOT, "mtl_plugins"), {}
    for path in package.rglob("*.py"):
        place = path.relative_to(package).as_posix()
        names = [*names_in(path.read_text(encoding="utf-8"))]
        allowed = [each for each in MAY_NAME if f"{place}/".startswith(f"{each}/")]
        if names:
            found.setdefault(allowed[0] if allowed else place, []).extend(names)
    assert {place: names for place, names in found.items() if place not in MAY_NAME} == {}
    assert {*MAY_NAME} == {*found}
