"""Helpers for any module: files, tables, progress, suggestions, commands, devices, lines."""

from .command import no_logs, run_command, warn
from .devices import choose_dtype, machine_name, unwrapped
from .files import UNFINISHED, name_key, parse_json, read_text, replaced, shown, write_text
from .lines import borders, thin
from .names import distinct_names, relative_names
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
    "borders",
    "choose_dtype",
    "compare",
    "counts",
    "did_you_mean",
    "did_you_mean_path",
    "distinct_names",
    "load_into",
    "machine_name",
    "name_key",
    "nearest",
    "no_logs",
    "parse_json",
    "read_text",
    "relative_names",
    "replaced",
    "run_command",
    "shown",
    "spread_evenly",
    "thin",
    "track",
    "unwrapped",
    "warn",
    "watched",
    "wide_console",
    "write_csv",
    "write_text",
]
