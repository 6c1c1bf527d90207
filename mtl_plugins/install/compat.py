"""Repair known incompatibilities of the installed packages; only this module knows them.

`prepare_stack` is the first thing the package does: code after it may import torchvision, timm,
mmcv and mmseg normally. A stack without incompatibilities is left untouched.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

# The roles of each family, and the distributions that can fill them.
FAMILIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "openmmlab": (("mmengine",), ("mmcv-lite", "mmcv"), ("mmsegmentation",)),
    "onedl": (("onedl-mmengine",), ("onedl-mmcv",), ("onedl-mmsegmentation",)),
}
# mmseg needs these two when it is imported, but does not declare them.
UNDECLARED = ("ftfy", "regex")
INSTALL = '`pip install "mtl_plugins[openmmlab]"` or `pip install "mtl_plugins[onedl]"`'

# The signatures that torchvision's own C++ code registers.
TORCHVISION_OPS = {
    name: f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms")
}

repairs: list[str] = []
"""The incompatibilities of this process and their repairs, for bug reports."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_keep_alive: list[Any] = []  # an op's schema lives as long as its Library


def prepare_stack() -> None:
    """Make the installed stack importable, or raise an error that explains the problem.

    Safe to call again and from several threads. Nothing is changed if everything fits.

    Raises:
        ImportError: not exactly one complete mm* family is installed, or ftfy or regex is missing.
    """
    with _lock:
        installed_family()
        _complete_torchvision()
        _stand_in_for_mmcv_ops()


def installed_family() -> str:
    """Return the name of the installed mm* family; raise like `check_distributions`."""
    names = {name for roles in FAMILIES.values() for role in roles for name in role}
    return check_distributions({name for name in (*names, *UNDECLARED) if _is_installed(name)})


def check_distributions(installed: Collection[str]) -> str:
    """Return the name of the one mm* family among the installed distributions.

    Args:
        installed: names of the installed distributions; unknown ones are ignored.

    Raises:
        ImportError: the family is missing, incomplete or mixed, or ftfy or regex is missing.

    >>> check_distributions({"mmengine", "mmcv-lite", "mmsegmentation", "ftfy", "regex"})
    'openmmlab'
    """
    present = {
        family: [name for role in roles for name in role if name in installed]
        for family, roles in FAMILIES.items()
    }
    found = [name for names in present.values() for name in names]
    if not found:
        raise ImportError(
            "mtl_plugins needs mmengine, mmcv-lite (or mmcv) and mmsegmentation, or their onedl-* "
            f"forks, but none of them is installed: run {INSTALL}."
        )
    crowded = [role for roles in FAMILIES.values() for role in roles if set(role) <= {*found}]
    if all(present.values()) or any(len(role) > 1 for role in crowded):
        raise ImportError(
            f"mtl_plugins found {', '.join(found)} together, which install the same modules over "
            "each other, and needs exactly one family: run "
            f"`pip uninstall -y {' '.join(found)}` and then {INSTALL}."
        )
    family = next(name for name, names in present.items() if names)
    missing = [" or ".join(role) for role in FAMILIES[family] if not {*role} & {*found}]
    missing += [name for name in UNDECLARED if name not in installed]
    if missing:
        raise ImportError(
            f"mtl_plugins found {', '.join(found)} but also needs {', '.join(missing)}: "
            f'run `pip install "mtl_plugins[{family}]"`.'
        )
    return family


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _complete_torchvision() -> None:
    """Declare the ops without which torchvision, and thus timm and mmseg, cannot be imported.

    A torchvision built for another torch (CUDA instead of CPU) cannot load its compiled library but
    registers shape functions for two of its ops anyway. Declarations without a kernel satisfy the
    import; `torchvision.ops.nms` still raises torchvision's own error.
    """
    if find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        _log.debug("torchvision's compiled ops do not match torch (%s): declaring them", error)
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    _keep_alive.append(library)
    for name, schema in TORCHVISION_OPS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    repairs.append(
        "torchvision's compiled ops do not match torch: their schemas are declared, "
        f"{' and '.join(TORCHVISION_OPS)} cannot be called"
    )
    # The failed import left half-initialised submodules behind.
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    importlib.import_module("torchvision")


class _MissingOps(ModuleType):
    """Replace `mmcv._ext`: has every op, each of which raises an error when called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):  # the import system and `inspect` look for these in every module
            raise AttributeError(name)

        def missing(*_args: Any, **_kwargs: Any) -> Any:
            raise NotImplementedError(
                f"mmcv op `{name}` was called, but the installed mmcv has no compiled ops "
                "(mmcv-lite never has): choose a module that does without it, or uninstall "
                "mmcv-lite and compile mmcv 2.1.0 (for the onedl family: onedl-mmcv) against your "
                "torch with `pip install --no-build-isolation mmcv==2.1.0`, see "
                "https://mmcv.readthedocs.io/en/2.x/get_started/build.html."
            )

        return missing


def _stand_in_for_mmcv_ops() -> None:
    """Make `import mmcv.ops`, which mmseg does in four unguarded places, succeed without ops."""
    name = "mmcv._ext"
    mmcv = find_spec("mmcv")
    if name in sys.modules or mmcv is None:
        return
    # Not find_spec(name), which would import mmcv and with it all of mmengine.
    if PathFinder.find_spec(name, mmcv.submodule_search_locations) is not None:
        return
    stand_in = _MissingOps(name)
    # A spec without a loader: mmengine looks for the loader to see whether mmcv has its ops.
    stand_in.__spec__ = ModuleSpec(name, loader=None)
    sys.modules[name] = stand_in
    repairs.append("mmcv has no compiled ops: each of them raises an error where it is called")
    _log.debug("mmcv has no compiled ops: each of them raises an error when called")


@contextmanager
def package_lookup() -> Iterator[None]:
    """Let mmengine find installed packages, for a `_base_` of `mmseg::...`.

    mmengine looks for them with `pkg_resources`, which setuptools 81 and Python 3.12 no longer
    bring. A stand-in of the two names that it needs takes its place for the time of the block.
    """
    name = "pkg_resources"
    if find_spec(name) is not None:
        yield
        return
    finder = _PackageLookup()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.pop(name, None)


class _PackageLookup(MetaPathFinder, Loader):
    """Import a stand-in of `pkg_resources`; a finder, because mmengine reloads the module."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == "pkg_resources" else None

    def exec_module(self, module: ModuleType) -> None:
        found: Any = module
        found.DistributionNotFound = metadata.PackageNotFoundError
        found.get_distribution = _Distribution


class _Distribution:
    """What mmengine asks of an installed distribution."""

    def __init__(self, name: str) -> None:
        self.found = metadata.distribution(name)
        self.location = str(self.found.locate_file(""))

    def has_metadata(self, name: str) -> bool:
        return self.found.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        return self.found.read_text(name) or ""
