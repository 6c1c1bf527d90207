"""Helpers that any module may use: files, tables, progress, suggestions, commands, devices."""

from .command import run_command, warn
from .devices import choose_dtype, machine_name, unwrapped
from .files import UNFINISHED, name_key, parse_json, read_text, replaced, shown, write_text
from .names import distinct_names, relative_names
from .progress import ProgressLine, track
from .spread import spread_evenly
from .suggestions import did_you_mean, did_you_mean_path, nearest
from .tables import TextTable, bar, wide_console, write_csv

__all__ = [
    "UNFINISHED",
    "ProgressLine",
    "TextTable",
    "bar",
    "choose_dtype",
    "did_you_mean",
    "did_you_mean_path",
    "distinct_names",
    "machine_name",
    "name_key",
    "nearest",
    "parse_json",
    "read_text",
    "relative_names",
    "replaced",
    "run_command",
    "shown",
    "spread_evenly",
    "track",
    "unwrapped",
    "warn",
    "wide_console",
    "write_csv",
    "write_text",
]
