"""Everything that a work dir tells about its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError
from ..utils import parse_json
from .details import Details
from .history import History, log_files, read_history
from .resolved_config import parse_config


@dataclass(frozen=True)
class RunRecord:
    """A run as its files tell it; what was not recorded is empty.

    Args:
        name: distinguishes it from the others of a report.
        folder: its work dir.
        history: its logs.
        metrics: of the last validation.
        summary: what `SummaryHook` wrote at the end.
        details: what `ReportHook` wrote after the last validation; None: nothing.
        config_text: the resolved config.
        config: its values.
        notes: what a reader should know: missing, damaged or contradictory files.
    """

    name: str
    folder: Path
    history: History
    metrics: Mapping[str, float]
    summary: Mapping[str, Mapping[str, Any]]
    details: Details | None
    config_text: str
    config: Mapping[str, Any]
    notes: Sequence[str]


def read_runs(folders: Sequence[str]) -> list[RunRecord]:
    """Read work dirs.

    Raises:
        ConfigError: none is given, one is given twice, does not exist or holds no logs.
    """
    paths = [Path(folder) for folder in folders]
    for index, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:index]]:
            raise ConfigError(f"{path} is given twice; name every work dir once.")
    return [read_run(*pair) for pair in zip(paths, run_names(paths), strict=True)]


def run_names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' names, with as many of their parents as tell them apart.

    >>> run_names([Path("/ladder/a/seed0"), Path("/ladder/b/seed0")])
    ['a/seed0', 'b/seed0']
    """
    parts = [folder.resolve().parts for folder in folders]
    length = 1
    while len({part[-length:] for part in parts}) < len(parts):
        length += 1
    return ["/".join(part[-length:]) for part in parts]


def read_run(folder: Path, name: str) -> RunRecord:
    """Read one work dir.

    Raises:
        ConfigError: it does not exist or holds no logs.
    """
    if not folder.is_dir():
        raise ConfigError(f"There is no work dir {str(folder)!r}.")
    files = log_files(folder)
    if not files:
        runs = sorted({str(path.parents[2]) for path in folder.glob("*/**/vis_data/scalars.json")})
        hint = f" It contains the work dirs {', '.join(runs[:4])}." if runs else ""
        raise ConfigError(
            f"{folder} holds no logs: expected <time>/vis_data/scalars.json, which training with a "
            f"LocalVisBackend writes after its first logging interval.{hint}"
        )
    history = read_history(files)
    notes = []
    if history.broken_lines:
        notes.append(f"Lines of the log that cannot be read, left out: {history.broken_lines}.")
    summary = _read_summary(folder / "summary.json", notes)
    try:
        details = Details.read(folder)
    except DataError as error:
        details = None
        notes.append(str(error))
    last = history.validation[-1] if history.validation else None
    if last is None:
        notes.append("It was never validated.")
    elif details and abs(details.iteration - last.iteration) >= 1:
        notes.append(
            f"Classes, distances and pictures are those after {details.iteration} iterations, "
            f"the last metrics those after {last.iteration:g}."
        )
    if not summary:
        notes.append("It has no summary.json: it was stopped before its end.")
    config_file = files[-1].with_name("config.py")
    text = ""
    if config_file.is_file():
        text = config_file.read_text(encoding="utf-8", errors="replace")
    try:
        config = parse_config(text)
    except ValueError:
        config = {}
        notes.append(f"{config_file} is not Python, so its values are not compared.")
    logged = last.values.items() if last else ()
    metrics = {k: v for k, v in logged if "/" in k and isinstance(v, (int, float))}
    return RunRecord(name, folder, history, metrics, summary, details, text, config, notes)


def _read_summary(path: Path, notes: list[str]) -> dict[str, dict[str, Any]]:
    """Return what `SummaryHook` wrote, empty where there is none or (with a note) it is damaged."""
    if not path.is_file():
        return {}
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if isinstance(content, dict):
        return {key: value for key, value in content.items() if isinstance(value, dict)}
    notes.append(f"{path} is damaged and left out.")
    return {}
