"""Multi-task dense prediction as plugins of MMSegmentation.

Importing the package makes the installed stack fit together and registers everything, so that
configs name it: `custom_imports = dict(imports=['mtl_plugins'])`. Then it imports what installed
packages declare as plugins of it (docs/plugins.md). In short:

    from mtl_plugins import MultiTaskInferencer, build, evaluate, load_config, train
"""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .install import (
    INFO,
    keep_old_imports,
    load_plugins,
    moved_attribute,
    prepare_stack,
    started_module,
)
from .version import __version__

if TYPE_CHECKING:
    from . import datasets, engine, evaluation, models, visualization
    from .config import build, load_config
    from .engine import evaluate, train
    from .inference import MultiTaskInferencer

__all__ = [
    "MultiTaskInferencer",
    "__version__",
    "build",
    "datasets",
    "engine",
    "evaluate",
    "evaluation",
    "load_config",
    "models",
    "train",
    "visualization",
]

import_error: Exception | None = None
"""Why the package could not be imported, where `python -m mtl_plugins.info` asks just that."""

_HOMES = {
    "MultiTaskInferencer": ".inference",
    "build": ".config",
    "evaluate": ".engine",
    "load_config": ".config",
    "train": ".engine",
}


def register_all() -> None:
    """Make the installed stack fit together and register everything; `import` does it.

    Raises:
        ImportError: see `prepare_stack`.
    """
    # What is imported stays. To look through all of it for garbage, again and again while it grows,
    # would take a fifth of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        # Before anything that imports torchvision, timm, mmcv or mmseg.
        prepare_stack()
        for name in ("datasets", "engine", "evaluation", "models", "studies", "visualization"):
            import_module(f".{name}", __name__)
        load_plugins()
    finally:
        if collects:
            gc.enable()


def __getattr__(name: str) -> Any:
    """Import what training does not need when it is asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    return moved_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted(__all__)


keep_old_imports()
# Last, so that a plugin finds the package complete.
try:
    register_all()
except Exception as error:
    # Python imports the package before the module that reports what is wrong with it.
    if started_module() != INFO:
        raise
    import_error = error
