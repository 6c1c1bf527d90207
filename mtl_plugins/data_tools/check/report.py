"""Checking data with a progress bar, and telling what was found."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from mmengine.config import Config
from PIL import Image
from rich.console import Console

from ...config import SPLITS
from ...errors import DataError
from ...utils import ProgressLine
from ...visualization import default_palette
from ...visualization.sheets import SheetSample, draw_sheet
from .check import check_data
from .findings import DataCheck, PartCheck, counted
from .tables import parts_table, statistics_tables


def report_data_check(
    config: Config,
    splits: Sequence[str] = SPLITS,
    workers: int = 4,
    out: str | None = None,
    json_file: str | None = None,
) -> DataCheck:
    """Check the data of a config, print tables and every finding, and write contact sheets.

    Args:
        config, splits, workers: as in `check_data`.
        out: folder of the contact sheets; default: `work_dirs/<config name>/data_check`.
        json_file: where findings and statistics are written as JSON.

    Raises:
        DataError: something is wrong; after everything was printed and written.
    """
    name = os.path.splitext(os.path.basename(config.filename or "config"))[0]
    out = out or os.path.join("work_dirs", name, "data_check")
    sheets: list[str] = []
    with ProgressLine("checking") as line:

        def show(part: str, done: int, total: int) -> None:
            line.update(done, f"checking {part}", total)

        def draw(part: PartCheck, samples: list[SheetSample]) -> None:
            if samples:
                sheets.append(_write_sheet(out, part, samples))

        found = check_data(config, splits, workers, show, draw)
    console = Console()
    console.print(parts_table(found.parts))
    for part in found.parts:
        for table in statistics_tables(part) if part.statistics else ():
            console.print(table)
    for kind, findings in (("warning", found.warnings), ("problem", found.problems)):
        for finding in findings:
            text = f"{kind} [{finding.part}]: {finding}"
            console.print(text, soft_wrap=True, markup=False, highlight=False)
    for sheet in sheets:
        console.print(f"Contact sheet: {sheet}", soft_wrap=True, markup=False, highlight=False)
    if json_file:
        _write_json(json_file, config, found, sheets)
    warnings = counted(found.warnings, "warning")
    if found.problems:
        raise DataError(
            f"{counted(found.problems, 'problem')} in the data of {config.filename}, each told "
            f"above with its file; {warnings}."
        )
    console.print(f"Nothing is wrong; {warnings}.", highlight=False)
    return found


def _write_sheet(out: str, part: PartCheck, samples: list[SheetSample]) -> str:
    found = part.statistics
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, f"{part.name}.png")
    sheet = draw_sheet(
        samples, found.targets, found.classes,
        found.palette or default_palette(len(found.classes)),
        title=f"{part.name}: {len(samples)} of {found.samples} samples, {part.root}",
        depth_unit=found.depth_unit, depth_log=True,
    )  # fmt: skip
    Image.fromarray(sheet).save(path)
    return path


def _write_json(path: str, config: Config, found: DataCheck, sheets: list[str]) -> None:
    content = dict(
        config=config.filename,
        problems=[vars(finding) for finding in found.problems],
        warnings=[vars(finding) for finding in found.warnings],
        parts={
            part.name: dict(
                splits=part.splits,
                type=part.kind,
                root=part.root,
                **(part.statistics.as_dict() if part.statistics else {}),
            )
            for part in found.parts
        },
        contact_sheets=sheets,
    )
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
