"""The layout of the package: imports run only downwards, and through the faces of folders."""

from __future__ import annotations

import ast
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

FLOORS = (
    ("info",),
    ("",),
    ("studies",),
    ("engine",),
    ("inference",),
    ("report",),
    ("data_tools",),
    ("visualization",),
    ("config",),
    ("evaluation",),
    ("datasets",),
    ("costs",),
    ("checkpoints",),
    ("street_scenes",),
    ("models",),
    ("targets",),
    ("utils",),
    ("install",),
    ("errors", "version"),
)
"""Folders and modules of the package. Each may import those below it; "" is the package itself."""
LEVEL = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms}
INSIDE = {
    "models": (
        "segmentors",
        "multi_task_heads",
        "interactions",
        "task_heads",
        "balancers",
        "losses",
        "decoders",
        "encoders",
        "layers",
        "preprocessing",
    ),
    "engine": (
        "run",
        "hooks",
        "runner",
        "continuation",
        "train_loop",
        "optim",
        "sharded_model",
        "processes",
    ),
    "evaluation": (
        "image_blind",
        "baselines",
        "mtan",
        "edges",
        "mask_curves",
        "multi_task_metric",
        "tallies",
        "streaming_metric",
        "measure",
        "edge_matching",
        "normals",
        "depth",
        "semseg",
    ),
    "visualization": (
        *("contact_sheet", "panels", "grid", "canvas", "painters"),
        *("class_painters", "value_painters", "painted", "maps", "colors", "text"),
    ),
}
"""The same for folders and modules inside a folder."""
LONGEST = 400
SHARES = {"engine": 0.12}
SHARE = 0.18
LARGE = {"models"}
PACKAGE = Path(ROOT, "mtl_plugins")
DEV = Path(ROOT, "tools", "dev")


def name_of(path):
    """Dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@lru_cache
def files():
    """Map the name of every module of the package and of tools/ to its path."""
    found = [*PACKAGE.rglob("*.py"), *Path(ROOT, "tools").rglob("*.py")]
    return {name_of(path): path for path in sorted(found)}


@lru_cache
def faces():
    """Map the name of every folder of the package to its `__all__`."""
    found = {}
    for name, path in files().items():
        if path.name == "__init__.py" and name.startswith("mtl_plugins"):
            listed = [
                ast.literal_eval(node.value)
                for node in ast.parse(path.read_text(encoding="utf-8")).body
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            ]
            assert listed, f"{name} has no __all__"
            found[name] = listed[0]
    return found


@lru_cache
def imports():
    """List every import of the package: importing module, imported module, name."""
    found = []
    for name, path in files().items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [(name, each.name, "") for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                start = ".".join(base) if node.level else ""
                module = ".".join(filter(None, (start, node.module)))
                found += [(name, module, each.name) for each in node.names]
    return [each for each in found if each[1].partition(".")[0] == "mtl_plugins"]


def target(module, name):
    """Return the imported module; a submodule may be imported like a name."""
    full = f"{module}.{name}"
    return full if full in files() and name not in faces().get(module, ()) else module


def room_of(module):
    return module.split(".")[1] if "." in module else ""


def inside(module):
    return module.split(".")[2] if module.count(".") > 1 else ""


def lines_of(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_every_folder_has_a_floor():
    rooms = {room_of(name) for name in files() if name.startswith("mtl_plugins")}
    assert rooms == {*LEVEL}
    for room, folders in INSIDE.items():
        there = {inside(name) for name in files() if name.startswith(f"mtl_plugins.{room}.")}
        assert there == {*folders}


def test_no_import_goes_upwards():
    upwards = []
    for importer, module, name in imports():
        if not importer.startswith("mtl_plugins"):
            continue
        source, wanted = room_of(importer), room_of(target(module, name))
        if source != wanted and LEVEL[source] <= LEVEL[wanted]:
            upwards.append(f"{importer} imports {target(module, name)}")
    assert not upwards


@pytest.mark.parametrize("room", INSIDE)
def test_no_import_goes_upwards_inside_a_folder(room):
    order = INSIDE[room]
    upwards = []
    for importer, module, name in imports():
        wanted = target(module, name)
        if room_of(importer) == room_of(wanted) == room and inside(importer) and inside(wanted):
            source, found = order.index(inside(importer)), order.index(inside(wanted))
            if found < source:
                upwards.append(f"{importer} imports {wanted}")
    assert not upwards


def test_there_is_no_circle():
    below = {}
    for importer, module, name in imports():
        if importer.startswith("mtl_plugins"):
            below.setdefault(room_of(importer), set()).add(room_of(target(module, name)))
    reached = {room: {*found} - {room} for room, found in below.items()}
    for _ in reached:
        for found in reached.values():
            found.update(*(below.get(each, set()) - {each} for each in {*found}))
    assert not [room for room, found in reached.items() if room in found]


def test_nobody_imports_around_a_face():
    around = []
    for importer, module, name in imports():
        wanted = target(module, name)
        if importer.startswith("mtl_plugins") and room_of(importer) == room_of(wanted):
            continue
        if f"mtl_plugins.{room_of(wanted)}" not in faces():
            continue  # a single module
        if wanted not in faces() or (name and name not in faces()[wanted]):
            around.append(f"{importer} imports {name} of {module}")
    assert not around


def test_faces_list_what_they_have_and_nothing_twice():
    for name, listed in faces().items():
        assert len(listed) == len({*listed}), name


def test_no_file_is_too_long():
    long = {name: lines_of(path) for name, path in files().items()}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST}


def test_no_folder_is_too_large():
    lines = Counter()
    for name, path in files().items():
        if name.startswith("mtl_plugins"):
            lines[room_of(name)] += lines_of(path)
    shares = {room: count / lines.total() for room, count in lines.items()}
    too_large = {
        room: round(share, 3)
        for room, share in shares.items()
        if share > SHARES.get(room, SHARE) and room not in LARGE
    }
    assert not too_large, shares


def test_the_package_knows_nothing_of_its_tools():
    for name, path in files().items():
        if name.startswith("mtl_plugins"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [getattr(node, "module", None) or ""]
                if isinstance(node, ast.Import):
                    modules = [each.name for each in node.names]
                if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0):
                    assert not {each.partition(".")[0] for each in modules} & {"dev", "tools"}, name
