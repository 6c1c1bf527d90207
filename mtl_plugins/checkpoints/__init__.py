"""Read checkpoints safely, find the newest, and load weights into networks."""

from .checkpoint_io import (
    INTERRUPTED,
    CheckpointError,
    check_file,
    latest_checkpoint,
    load_checkpoint,
    load_resumable,
    point_at,
)
from .file_formats import SUFFIX, check_archive, write_safetensors
from .plain_state import from_plain, to_plain
from .weights import MISFIT, build_network, load_weights, without_pretrained

__all__ = [
    "INTERRUPTED",
    "MISFIT",
    "SUFFIX",
    "CheckpointError",
    "build_network",
    "check_archive",
    "check_file",
    "from_plain",
    "latest_checkpoint",
    "load_checkpoint",
    "load_resumable",
    "load_weights",
    "point_at",
    "to_plain",
    "without_pretrained",
    "write_safetensors",
]
