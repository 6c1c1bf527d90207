"""Models inside the wrappers of distributed training."""

from __future__ import annotations

from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> Any:
    """Return the model inside a wrapper such as DDP, or the model itself if there is no wrapper."""
    return model.module if is_model_wrapper(model) else model
