"""Print the facts for a bug report: `python -m mtl_plugins.info`.

Prints versions, the stack's family and its repairs, devices and plugins. Each item is looked up on
its own, so a missing or broken package is reported and hides nothing else.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from importlib import metadata

import mtl_plugins
from mtl_plugins.install import compat, cpu_name, plugins

DISTRIBUTIONS = (
    "torch", "torchvision", "timm", "mmengine", "mmcv-lite", "mmcv", "mmsegmentation",
    "onedl-mmengine", "onedl-mmcv", "onedl-mmsegmentation", "torchjd", "numpy", "opencv-python",
    "opencv-python-headless", "pillow", "matplotlib", "rich", "ftfy", "regex", "tensorboard",
)  # fmt: skip
"""Packages that this one uses; of alternatives only the installed ones are printed."""

ALTERNATIVES = ("mm", "onedl-mm", "opencv")
"""Beginnings of the names of alternatives, not all of which can be installed."""


def collect_info() -> Iterator[tuple[str, str]]:
    """Yield the facts about this installation, a name and a text each.

    Never raises: the text is the error if a fact cannot be found.
    """
    yield "mtl_plugins", f"{mtl_plugins.__version__} in {os.path.dirname(mtl_plugins.__file__)}"
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    yield "family", _attempt(compat.installed_family)
    for name in DISTRIBUTIONS:
        version = _version(name)
        if version or not name.startswith(ALTERNATIVES):
            yield name, version or "not installed"
    yield "cpu", _attempt(_cpu)
    yield "cuda", _attempt(_cuda)
    for repair in compat.repairs or ["nothing"]:
        yield "repaired", repair
    for plugin in plugins.found:
        state = f"fails: {plugin.problem}" if plugin.problem else "works"
        yield "plugin", f"{plugin.module} of {plugin.package}: {state}"
    error = mtl_plugins.import_error
    yield "import", "works" if error is None else f"fails: {type(error).__name__}: {error}"


def main() -> None:
    """Print the facts as a table."""
    rows = [*collect_info()]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name:<{width}}  {text}")


def _attempt(look: Callable[[], str]) -> str:
    try:
        return look()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cpu_name()}, {usable} of {os.cpu_count()} cores usable"


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        return f"not available; torch is built {f'for CUDA {built}' if built else 'without CUDA'}"
    devices = ", ".join(
        f"{torch.cuda.get_device_name(i)} "
        f"({torch.cuda.get_device_properties(i).total_memory / 2**30:.0f} GiB)"
        for i in range(torch.cuda.device_count())
    )
    return f"{devices}; CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"


if __name__ == "__main__":
    main()
