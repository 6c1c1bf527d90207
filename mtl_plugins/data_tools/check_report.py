"""Data check with a progress bar, tables of statistics, contact sheets and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from mmengine.config import Config
from PIL import Image
from rich.console import Console

from ..config import SPLITS
from ..errors import ConfigError, DataError
from ..utils import ProgressLine, TextTable, check_results, write_text
from ..visualization import SheetSample, draw_sheet
from .check import check_data
from .class_weights import training_weights
from .findings import DataCheck, PartCheck, PartStatistics, counted

SPANS = 12
"""Number of rows of the depth histogram."""

SIZES = 4
"""Number of image sizes that are listed."""


def report_data_check(
    config: Config,
    splits: Sequence[str] = SPLITS,
    workers: int = 4,
    out: str | None = None,
    json_file: str | None = None,
    weights_file: str | None = None,
    rule: str = "enet",
) -> DataCheck:
    """Check the data of a config, print tables and every finding, and write contact sheets.

    Args:
        config, splits, workers: as in `check_data`.
        out: folder of the contact sheets; default: `work_dirs/<config name>/data_check`.
        json_file: also write findings and statistics to this file, as JSON.
        weights_file: also write `training_weights` to this file, as JSON; readable samples alone
            count.
        rule: of the weights, one of `RULES`.

    Raises:
        ConfigError: weights are asked for, but the training data is not among the splits;
            or a file or folder of the results cannot be written.
        DataError: there are problems; raised after everything was printed and written.
    """
    if weights_file and not ("train" in splits and config.get("train_dataloader")):
        raise ConfigError(
            f"--weights counts the training data, which is not checked here: splits={[*splits]} of "
            f"{config.filename}. Check the split train of a config that has a train_dataloader."
        )
    name = os.path.splitext(os.path.basename(config.filename or "config"))[0]
    folder = out or os.path.join("work_dirs", name, "data_check")
    check_results(json_file, weights_file, folder=folder)
    sheets: list[str] = []
    with ProgressLine("checking") as line:

        def show(part: str, done: int, total: int) -> None:
            line.update(done, f"checking {part}", total)

        def draw(part: PartCheck, samples: list[SheetSample]) -> None:
            if samples and part.statistics is not None:
                sheets.append(_write_sheet(folder, part, part.statistics, samples))

        found = check_data(config, splits, workers, show, draw)
    console = Console()
    console.print(_parts_table(found.parts))
    for part in found.parts:
        if part.statistics is not None:
            for tally in part.statistics.tallies.values():
                if tally.maps:
                    console.print(tally.table(part.name))
            if part.statistics.wide:
                text = _channels(part.name, part.statistics)
                console.print(text, soft_wrap=True, markup=False, highlight=False)
    for kind, findings in (("warning", found.warnings), ("problem", found.problems)):
        for finding in findings:
            text = f"{kind} [{finding.part}]: {finding}"
            console.print(text, soft_wrap=True, markup=False, highlight=False)
    for sheet in sheets:
        console.print(f"Contact sheet: {sheet}", soft_wrap=True, markup=False, highlight=False)
    if json_file:
        _write_json(json_file, config, found, sheets)
    if weights_file:
        weights = training_weights(found, rule)
        write_text(weights_file, json.dumps(weights, indent=1))
        text = f"Weights ({rule}) of {', '.join(weights)}: {weights_file}"
        console.print(text, soft_wrap=True, markup=False, highlight=False)
    warnings = counted(found.warnings, "warning")
    if found.problems:
        raise DataError(
            f"{counted(found.problems, 'problem')} in the data of {config.filename}, each listed "
            f"above with its file; {warnings}."
        )
    console.print(f"Nothing is wrong; {warnings}.", highlight=False)
    return found


def _write_sheet(
    folder: str, part: PartCheck, found: PartStatistics, samples: list[SheetSample]
) -> str:
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{part.name}.png")
    title = f"{part.name}: {len(samples)} of {found.samples} samples, {part.root}"
    Image.fromarray(draw_sheet(samples, found.targets, title)).save(path)
    return path


def _write_json(path: str, config: Config, found: DataCheck, sheets: list[str]) -> None:
    content = dict(
        config=config.filename,
        problems=[vars(finding) for finding in found.problems],
        warnings=[vars(finding) for finding in found.warnings],
        parts={
            part.name: dict(splits=part.splits, type=part.kind, root=part.root)
            | (part.statistics.as_dict() if part.statistics else {})
            for part in found.parts
        },
        contact_sheets=sheets,
    )
    write_text(path, json.dumps(content, indent=1))


def _parts_table(parts: list[PartCheck]) -> TextTable:
    """List the data sets with their samples, sizes, targets and numbers of findings."""
    columns = ("data set", "read by", "samples", "image sizes", "targets", "found")
    rows = []
    for part in parts:
        found, cells = part.statistics, ["-", "-", "-"]
        if found:
            cells = [str(found.samples), _sizes(found), "\n".join(found.tallies) or "none"]
        counts = f"{counted(part.problems, 'problem')}\n{counted(part.warnings, 'warning')}"
        rows.append([part.name, "\n".join(part.splits), *cells, counts])
    return TextTable(columns, rows, {*columns} - {"samples"}, "Data")


def _channels(name: str, found: PartStatistics) -> str:
    """Return what `model.data_preprocessor` needs to know of the images."""
    given = ", ".join(f"{key}={values}" for key, values in found.channels().items())
    return f"Channels of the images of {name} (red, green, blue, others): {given}"


def _sizes(found: PartStatistics) -> str:
    sizes = [f"{h}x{w}: {count}" for (h, w), count in found.sizes.most_common(SIZES)]
    more = len(found.sizes) - len(sizes)
    return "\n".join(sizes) + (f"\n{more} others" if more > 0 else "")
