"""Multi-task dense prediction as plugins of MMSegmentation.

Importing the package makes the installed stack fit together and registers everything, so that
configs name it: `custom_imports = dict(imports=['mtl_plugins'])`.
"""

import gc

from .compat import prepare_stack

# What is imported stays. To look through all of it for garbage, again and again while it grows,
# would take a fifth of the time.
_collects = gc.isenabled()
gc.disable()
try:
    # Before anything that imports torchvision, timm, mmcv or mmseg.
    prepare_stack()
    from . import datasets, engine, evaluation, models, visualization
finally:
    if _collects:
        gc.enable()

from .version import __version__  # noqa: E402

__all__ = ["__version__", "datasets", "engine", "evaluation", "models", "visualization"]
