"""Reading checkpoints safely, finding the latest, and loading weights."""

from .archive_check import check_archive
from .checkpoint_io import CheckpointError, check_file, load_checkpoint
from .latest_checkpoint import INTERRUPTED, latest_checkpoint, load_resumable, point_at
from .plain_state import from_plain, to_plain
from .safetensors_io import SUFFIX, write_safetensors
from .weights import MISFIT, differences, load_weights, without_pretrained

__all__ = [
    "INTERRUPTED",
    "MISFIT",
    "SUFFIX",
    "CheckpointError",
    "check_archive",
    "check_file",
    "differences",
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
