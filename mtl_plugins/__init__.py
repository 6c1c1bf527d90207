"""Multi-task dense prediction as plugins of MMSegmentation.

Importing the package makes the installed stack fit together and registers everything, so that
configs name it: `custom_imports = dict(imports=['mtl_plugins'])`.
"""

import gc
import sys
from typing import Any

from .compat import prepare_stack
from .version import __version__

import_error: Exception | None = None
"""Why the package could not be imported, where `python -m mtl_plugins.info` asks just that."""

# What is imported stays. To look through all of it for garbage, again and again while it grows,
# would take a fifth of the time.
_collects = gc.isenabled()
gc.disable()
try:
    # Before anything that imports torchvision, timm, mmcv or mmseg.
    prepare_stack()

    from . import datasets, engine, evaluation, models, visualization
except Exception as error:
    # Python imports the package before the module that is to tell what is wrong with it.
    if not any(argument.endswith("mtl_plugins.info") for argument in sys.orig_argv):
        raise
    import_error = error
finally:
    if _collects:
        gc.enable()

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
