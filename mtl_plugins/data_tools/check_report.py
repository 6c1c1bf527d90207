"""Data check with a progress bar, tables of statistics, contact sheets and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.config import Config
from PIL import Image
from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from ..config import SPLITS
from ..errors import DataError
from ..targets import IGNORE_LABEL, targets_in
from ..utils import ProgressLine, write_text
from ..visualization import SheetSample, draw_sheet
from .check import check_data
from .findings import DataCheck, PartCheck, PartStatistics, counted

BAR_WIDTH = 30
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
) -> DataCheck:
    """Check the data of a config, print tables and every finding, and write contact sheets.

    Args:
        config, splits, workers: as in `check_data`.
        out: folder of the contact sheets; default: `work_dirs/<config name>/data_check`.
        json_file: also write findings and statistics to this file, as JSON.

    Raises:
        DataError: there are problems; raised after everything was printed and written.
    """
    name = os.path.splitext(os.path.basename(config.filename or "config"))[0]
    folder = out or os.path.join("work_dirs", name, "data_check")
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
            for table in _statistics_tables(part.name, part.statistics):
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
    meta = dict(classes=found.classes, palette=found.palette, depth_unit=found.depth_unit)
    known: dict[Any, Any] = {**targets_in(meta)}  # `found.targets` may be names or targets
    targets = [known.get(each, each) for each in found.targets]
    title = f"{part.name}: {len(samples)} of {found.samples} samples, {part.root}"
    Image.fromarray(draw_sheet(samples, targets, title, depth_log=True)).save(path)
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


def _table(title: str, *columns: str) -> Table:
    """Make a table; columns that begin with ">" are aligned right."""
    table = Table(title=title)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name[:1] == ">" else "left")
    return table


def _parts_table(parts: list[PartCheck]) -> Table:
    """List the data sets with their samples, sizes, targets and numbers of findings."""
    table = _table("Data", "data set", "read by", ">samples", "image sizes", "targets", "found")
    for part in parts:
        found, cells = part.statistics, ["-", "-", "-"]
        if found:
            cells = [str(found.samples), _sizes(found), "\n".join(found.targets) or "none"]
        counts = f"{counted(part.problems, 'problem')}\n{counted(part.warnings, 'warning')}"
        table.add_row(part.name, "\n".join(part.splits), *cells, counts)
    return table


def _statistics_tables(name: str, found: PartStatistics) -> Iterator[Table]:
    """Yield a table for each target of a data set."""
    if found.class_pixels.any():
        yield _class_table(name, found)
    if found.depth.images:
        yield _depth_table(name, found)
    if found.normals[1]:
        table = _table(f"Normals of {name}", "pixels", ">share (%)")
        share = found.normals[0] / found.normals[1] * 100
        table.add_row("with a normal", f"{share:.2f}")
        table.add_row("without", f"{100 - share:.2f}")
        yield table
    for kind, tally in found.values.items():
        table = _table(f"Values of {name}: {kind}", "pixels", ">value")
        statistics = tally.as_dict()
        valid, pixels = statistics.pop("valid_pixels"), statistics.pop("pixels")
        for label, value in statistics.items():
            table.add_row(label, f"{value:.5g}")
        table.add_row("invalid (%)", f"{100 - 100 * valid / pixels:.2f}")
        yield table


def _sizes(found: PartStatistics) -> str:
    sizes = [f"{h}x{w}: {count}" for (h, w), count in found.sizes.most_common(SIZES)]
    more = len(found.sizes) - len(sizes)
    return "\n".join(sizes) + (f"\n{more} others" if more > 0 else "")


def _class_table(name: str, found: PartStatistics) -> Table:
    table = _table(f"Classes of {name}", ">id", "class", ">pixels (%)", ">images", "")
    shares = found.class_pixels / found.class_pixels.sum() * 100
    for i in (*range(len(found.classes)), IGNORE_LABEL):
        label = "no class" if i == IGNORE_LABEL else found.classes[i]
        occurs = found.class_pixels[i] > 0 or i == IGNORE_LABEL
        bar = Bar(shares.max(), 0, shares[i], width=BAR_WIDTH) if occurs else "never occurs"
        cells = (str(i), label, f"{shares[i]:.3f}", str(found.class_images[i]), bar)
        table.add_row(*cells, style=None if occurs else "yellow")
    return table


def _depth_table(name: str, found: PartStatistics) -> Table:
    unit, tally, statistics = found.depth_unit, found.depth, found.depth.statistics()
    table = _table(f"Depth of {name} ({unit})", ">depth", ">pixels (%)", "")
    if statistics is not None:
        spans = tally.spans(SPANS)
        most = max(pixels for *_, pixels in spans)
        for low, high, pixels in spans:
            share = f"{pixels / tally.valid_pixels * 100:.2f}"
            bar = Bar(most, 0, pixels, width=BAR_WIDTH)
            table.add_row(f"{low:.3g} - {high:.3g}", share, bar)
        table.add_section()
        rows = {
            "minimum": statistics.min_depth,
            "percentile 1": statistics.percentile_1,
            "percentile 50": statistics.percentile_50,
            "percentile 99": statistics.percentile_99,
            "maximum": statistics.max_depth,
            "mean of log depth": statistics.log_mean,
            "std of log depth": statistics.log_std,
        }
        for label, value in rows.items():
            table.add_row(label, f"{value:.5g}")
    missing = 100 - tally.valid_pixels / np.float64(tally.pixels) * 100
    table.add_row("not measured (%)", f"{missing:.2f}")
    return table
