"""Multi-task dense prediction as plugins of MMSegmentation.

Importing the package makes the installed stack fit together and registers everything, so that
configs name it: `custom_imports = dict(imports=['mtl_plugins'])`.
"""

from typing import Any

from .compat import prepare_stack

# Before anything that imports torchvision, timm, mmcv or mmseg.
prepare_stack()

from . import datasets, engine, evaluation, models, visualization  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = [
    "MultiTaskInferencer",
    "__version__",
    "datasets",
    "engine",
    "evaluation",
    "models",
    "visualization",
]


def __getattr__(name: str) -> Any:
    """Import what training does not need when it is asked for."""
    if name == "MultiTaskInferencer":
        from .inference import MultiTaskInferencer

        return MultiTaskInferencer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
