"""What any module may use: progress, suggestions, files, commands."""

from .atomic_file import UNFINISHED, replaced
from .command import run_command
from .json_text import parse_json
from .machine import machine_name
from .model_wrapper import unwrapped
from .precision import choose_dtype
from .progress import ProgressLine, track
from .spread import spread_evenly
from .suggestions import did_you_mean, did_you_mean_path, nearest

__all__ = [
    "UNFINISHED",
    "ProgressLine",
    "choose_dtype",
    "did_you_mean",
    "did_you_mean_path",
    "machine_name",
    "nearest",
    "parse_json",
    "replaced",
    "run_command",
    "spread_evenly",
    "track",
    "unwrapped",
]
