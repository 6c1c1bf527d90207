"""Helpers for any module: files, tables, progress, suggestions, commands, devices, weights."""

from .command import run_command, warn
from .devices import choose_dtype, machine_name, unwrapped
from .files import UNFINISHED, parse_json, replaced, write_text
from .progress import ProgressLine, track
from .spread import spread_evenly
from .suggestions import did_you_mean, did_you_mean_path, nearest
from .tables import TextTable, bar, wide_console, write_csv
from .weights import Loading, compare, counts, load_into, watched

__all__ = [
    "UNFINISHED",
    "Loading",
    "ProgressLine",
    "TextTable",
    "bar",
    "choose_dtype",
    "compare",
    "counts",
    "did_you_mean",
    "did_you_mean_path",
    "load_into",
    "machine_name",
    "nearest",
    "parse_json",
    "replaced",
    "run_command",
    "spread_evenly",
    "track",
    "unwrapped",
    "warn",
    "watched",
    "wide_console",
    "write_csv",
    "write_text",
]
