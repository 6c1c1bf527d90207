"""Read the files that training left in a work dir: logs, summary, details and config."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..config import leaves
from ..errors import ConfigError, DataError
from ..utils import parse_json, read_text
from .details import Details

SCALARS = "vis_data/scalars.json"


@dataclass(frozen=True)
class Entry:
    """Values by name that were logged after `iteration` training iterations."""

    iteration: float
    values: Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """The logs of a run, ordered by iteration.

    Args:
        training: losses, learning rate, times, task weights, ...
        validation: metrics.
        per_epoch: iterations of an epoch; None: the run counts iterations only, or no epoch ended.
        broken_lines: number of unreadable lines, as a killed run leaves them.
    """

    training: list[Entry]
    validation: list[Entry]
    per_epoch: float | None
    broken_lines: int


@dataclass(frozen=True)
class RunRecord:
    """A run as its files describe it; a field is empty where nothing was recorded.

    Args:
        name: short name, unique within a report.
        folder: the work dir.
        history: its logs.
        metrics: of the last validation.
        summary: written by `SummaryHook` at the end of training.
        details: written by `ReportHook` after the last validation, or None.
        config_text: the resolved config.
        config: its values as text, by dotted key.
        notes: missing, damaged or contradictory files.
    """

    name: str
    folder: Path
    history: History
    metrics: Mapping[str, float]
    summary: Mapping[str, Mapping[str, Any]]
    details: Details | None
    config_text: str
    config: Mapping[str, str]
    notes: Sequence[str]


def read_runs(folders: Sequence[str]) -> list[RunRecord]:
    """Read work dirs.

    Raises:
        ConfigError: a work dir is given twice, does not exist or holds no logs.
    """
    paths = [Path(folder) for folder in folders]
    for index, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:index]]:
            raise ConfigError(f"{path} is given twice; name every work dir once.")
    return [read_run(*pair) for pair in zip(paths, run_names(paths), strict=True)]


def run_names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' names, with as many parents as make them unique.

    >>> run_names([Path("/ladder/a/seed0"), Path("/ladder/b/seed0")])
    ['a/seed0', 'b/seed0']
    """
    parts = [folder.resolve().parts for folder in folders]
    length = 1
    while len({part[-length:] for part in parts}) < len(parts):
        length += 1
    return ["/".join(part[-length:]) for part in parts]


def read_run(folder: Path, name: str) -> RunRecord:
    """Read one work dir; raise a `ConfigError` if it does not exist or holds no logs."""
    files = log_files(folder)
    if not files:
        raise ConfigError(_why_no_logs(folder))
    history = read_history(files)
    notes = []
    if history.broken_lines:
        notes.append(f"{history.broken_lines} unreadable lines of the log were skipped.")
    summary = _read_summary(folder / "summary.json", notes)
    try:
        details = Details.read(folder)
    except DataError as error:
        details = None
        notes.append(str(error))
    last = history.validation[-1] if history.validation else None
    if last is None:
        notes.append("The run was never validated.")
    elif details and abs(details.iteration - last.iteration) >= 1:
        notes.append(
            f"Classes, errors by distance and pictures are from iteration {details.iteration}, "
            f"the last metrics from iteration {last.iteration:g}."
        )
    if not summary:
        notes.append("There is no usable summary.json; training probably stopped early.")
    text, config = _read_config(files[-1].with_name("config.py"), notes)
    logged = last.values.items() if last else ()
    metrics = {k: v for k, v in logged if "/" in k and isinstance(v, (int, float))}
    return RunRecord(name, folder, history, metrics, summary, details, text, config, notes)


def log_files(work_dir: Path) -> list[Path]:
    """Return the logs of a work dir, one for each start of training, oldest first."""
    return sorted(work_dir.glob(f"*/{SCALARS}"))


def _why_no_logs(folder: Path) -> str:
    if folder.is_file():
        return f"{folder} is a file; expected a work dir, such as {folder.parent}."
    if not folder.is_dir():
        return f"There is no work dir {str(folder)!r}."
    runs = sorted({str(path.parents[2]) for path in folder.glob(f"*/**/{SCALARS}")})
    hint = f" It contains the work dirs {', '.join(runs[:4])}." if runs else ""
    return (
        f"{folder} holds no logs: expected <time>/{SCALARS}, which training with a "
        f"LocalVisBackend writes after its first logging interval.{hint}"
    )


def read_history(files: Sequence[Path]) -> History:
    """Read the logs of a run, which may have been resumed or started again.

    Where a resumed run repeats iterations, its values replace the earlier ones.

    Args:
        files: from `log_files`; one JSON object per line, as MMEngine's LocalVisBackend writes.
    """
    records: list[dict[str, Any]] = []
    broken = 0
    for record in _read_lines(files):
        if record is None:
            broken += 1
            continue
        if "iter" in record:
            repeated = (i for i, r in enumerate(records) if r.get("iter", -1) >= record["iter"])
            del records[next(repeated, len(records)) :]
        records.append(record)
    training = [Entry(record["iter"], record) for record in records if "iter" in record]
    per_epoch = _iterations_per_epoch(records)
    return History(training, _validations(records, per_epoch), per_epoch, broken)


def _read_lines(files: Sequence[Path]) -> Iterator[dict[str, Any] | None]:
    """Yield the record in each line, None for an unreadable line."""
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    record = parse_json(line)
                    numbers = (record[key] for key in ("step", "iter", "epoch") if key in record)
                    valid = "step" in record and all(isinstance(n, int) for n in numbers)
                except (ValueError, TypeError):
                    valid = False
                yield record if valid else None


def _iterations_per_epoch(records: Sequence[dict[str, Any]]) -> float | None:
    """Return the length of an epoch, None where no epoch is counted or ended.

    The first records of two consecutive epochs are one epoch apart, whatever the logging interval.
    """
    first: dict[int, int] = {}
    for record in records:
        if "iter" in record and record.get("epoch", 0) > 0:
            first.setdefault(record["epoch"], record["iter"])
    lengths = [first[epoch + 1] - n for epoch, n in first.items() if epoch + 1 in first]
    if lengths:
        return median(lengths)
    ended = [
        last["iter"] / last["epoch"]
        for _, last, by_epoch in _with_last_training(records)
        if by_epoch and last["epoch"]
    ]
    return max(ended, default=None)


def _validations(records: Sequence[dict[str, Any]], per_epoch: float | None) -> list[Entry]:
    """Return the validations, only the last one of each iteration."""
    found: dict[float, dict[str, Any]] = {}
    for record, _, by_epoch in _with_last_training(records):
        iteration = record["step"] * per_epoch if by_epoch and per_epoch else record["step"]
        found.setdefault(iteration, {}).update(record)
    return [Entry(iteration, found[iteration]) for iteration in sorted(found)]


def _with_last_training(
    records: Sequence[dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any], bool]]:
    """Yield each validation, the training record before it, and whether its step is an epoch.

    MMEngine counts validations in epochs or in iterations without saying which. They are epochs
    where the step equals the epoch of the training record.
    """
    last: dict[str, Any] = {}
    for record in records:
        if "iter" in record:
            last = record
        else:
            yield record, last, record["step"] == last.get("epoch")


def _read_summary(path: Path, notes: list[str]) -> dict[str, dict[str, Any]]:
    """Return what `SummaryHook` wrote; add a note where the file is damaged."""
    if not path.is_file():
        return {}
    try:
        content = parse_json(read_text(path))
    except ValueError:
        content = None
    if isinstance(content, dict):
        return {key: value for key, value in content.items() if isinstance(value, dict)}
    notes.append(f"{path} is damaged and was skipped.")
    return {}


def _read_config(path: Path, notes: list[str]) -> tuple[str, dict[str, str]]:
    """Return the config's text and values; add a note where it is not Python."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    try:
        return text, {key: repr(value) for key, value in leaves(parse_config(text)) if key}
    except ValueError:
        notes.append(f"{path} is not Python, so its values are not compared.")
        return text, {}


def parse_config(text: str) -> dict[str, Any]:
    """Read the values of a config that MMEngine dumped, without executing it.

    Expressions that MMEngine never writes are returned as text.

    Raises:
        ValueError: the text is not Python, or nested too deep.

    >>> parse_config("model = dict(type='A', size=(2, -3))\\nother = run()")
    {'model': {'type': 'A', 'size': [2, -3]}, 'other': 'run()'}
    """
    try:
        return {
            target.id: _value(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"it is not Python: {error}") from error


def _value(node: ast.expr | None) -> Any:
    if node is None:  # the key of `**other` in a dict
        return "**"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict" and not node.args:
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        return {str(_value(k)): _value(v) for k, v in zip(node.keys, node.values, strict=True)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(element) for element in node.elts]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return ast.unparse(node)
