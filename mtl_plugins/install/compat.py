"""The one place that knows what in the installed stack does not fit together.

`prepare_stack` is the first thing the package does: everything after it may import torchvision,
timm, mmcv and mmseg as if they fitted. A stack that does fit is left untouched.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Collection
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

# Each role of a family, and the distributions that can fill it.
FAMILIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "openmmlab": (("mmengine",), ("mmcv-lite", "mmcv"), ("mmsegmentation",)),
    "onedl": (("onedl-mmengine",), ("onedl-mmcv",), ("onedl-mmsegmentation",)),
}
# mmseg imports these two while it is imported itself, and does not declare them.
UNDECLARED = ("ftfy", "regex")
INSTALL = '`pip install "mtl_plugins[openmmlab]"` or `pip install "mtl_plugins[onedl]"`'

# Their signatures as torchvision's own C++ registers them.
TORCHVISION_OPS = {
    name: f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms")
}

mended: list[str] = []
"""What did not fit together in this process and what was done about it, for bug reports."""

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_keep_alive: list[Any] = []  # an op's schema lives as long as the Library that defined it


def prepare_stack() -> None:
    """Makes the installed stack importable, or says in one sentence what is wrong with it.

    Safe to call again and from several threads. Where everything fits nothing is changed.

    Raises:
        ImportError: not exactly one complete mm* family is installed, or ftfy or regex is missing.
    """
    with _lock:
        installed_family()
        _complete_torchvision()
        _stand_in_for_mmcv_ops()


def installed_family() -> str:
    """Returns the name of the installed mm* family; raises as `check_distributions` does."""
    return check_distributions(_installed())


def check_distributions(installed: Collection[str]) -> str:
    """Returns the name of the one mm* family among the installed distributions.

    Args:
        installed: names of the installed distributions; those unknown here are ignored.

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


def _installed() -> set[str]:
    names = {name for roles in FAMILIES.values() for role in roles for name in role}
    return {name for name in (*names, *UNDECLARED) if _is_installed(name)}


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _complete_torchvision() -> None:
    """Declares the ops whose absence stops torchvision, and with it timm and mmseg, on import.

    A torchvision built for another torch (say CUDA against CPU) cannot load its compiled library,
    yet registers shape functions for two ops of it unconditionally. Declared without a kernel
    they satisfy the import; `torchvision.ops.nms` itself still raises torchvision's own error.
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
    mended.append(
        "torchvision's compiled ops do not match torch: their schemas are declared, "
        f"{' and '.join(TORCHVISION_OPS)} cannot be called"
    )
    # The failed import left submodules behind that never saw their package completed.
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    importlib.import_module("torchvision")


class _MissingOps(ModuleType):
    """Stands for `mmcv._ext`: has every op, and each says when called that it is not there."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):  # the import system and `inspect` probe every module for these
            raise AttributeError(name)

        def missing(*_args: Any, **_kwargs: Any) -> Any:
            raise RuntimeError(
                f"mmcv op `{name}` was called, but the installed mmcv has no compiled ops "
                "(mmcv-lite never has): choose a module that does without it, or uninstall "
                "mmcv-lite and compile mmcv 2.1.0 (for the onedl family: onedl-mmcv) against your "
                "torch with `pip install --no-build-isolation mmcv==2.1.0`, see "
                "https://mmcv.readthedocs.io/en/2.x/get_started/build.html."
            )

        return missing


def _stand_in_for_mmcv_ops() -> None:
    """Lets `import mmcv.ops`, which mmseg does in four unguarded places, succeed without ops."""
    name = "mmcv._ext"
    mmcv = find_spec("mmcv")
    if name in sys.modules or mmcv is None:
        return
    # Not find_spec(name): that would import mmcv, and with it all of mmengine, just to look.
    if PathFinder.find_spec(name, mmcv.submodule_search_locations) is not None:
        return
    stand_in = _MissingOps(name)
    # A spec without a loader: mmengine asks for the loader to learn whether mmcv has its ops.
    stand_in.__spec__ = ModuleSpec(name, loader=None)
    sys.modules[name] = stand_in
    mended.append("mmcv has no compiled ops: each of them raises an error where it is called")
    _log.debug("mmcv has no compiled ops: each of them raises an error when called")
