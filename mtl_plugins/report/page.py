"""From work dirs to one page."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from rich.console import Console

from ..errors import ConfigError
from ..utils import ProgressLine
from .charts import balance_chart, distance_chart, training_chart
from .classes import class_rows, confusions
from .comparison import summary_rows
from .costs import cost_notes, cost_rows
from .gallery import Picture, paint_gallery, read_gallery
from .resolved_config import config_differences, flat_texts
from .run_record import RunRecord, read_runs

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("axes.js", "chart.js", "cursor.js", "matrix.js", "page.js")
FIRST_HUES = (255, 45, 155, 340, 95, 200, 300, 20)
GOLDEN_ANGLE = 137.508


def write_page(folders: Sequence[str], out: str) -> None:
    """Write the report of work dirs as one HTML file, and print where it is.

    The file holds all it shows: it opens without a network, and its own policy forbids one.

    Args:
        folders: work dirs; the first is what the others are compared with.
        out: path of the file, whose folder is made.

    Raises:
        ConfigError: a work dir that `read_runs` refuses, or `out` cannot be written.
    """
    runs = read_runs(folders)
    kept, notes = read_gallery(runs)
    with ProgressLine("painting", len(kept)) as line:
        pictures = paint_gallery(kept, runs, lambda: line.update(line.done + 1))
    text = render_page(runs, pictures, notes)
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        # Names of files need not be valid Unicode.
        Path(out).write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be written: {error}.") from error
    console = Console(soft_wrap=True, markup=False, highlight=False)
    for note in [*(f"{run.name}: {note}" for run in runs for note in run.notes), *notes]:
        console.print(note)
    console.print(f"report  {out} ({os.path.getsize(out) / 1e6:.1f} MB)")


def render_page(
    runs: Sequence[RunRecord], pictures: Sequence[Picture], gallery_notes: Sequence[str] = ()
) -> str:
    """Return the page. Everything that comes from files is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f"\n{script}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    unit = next((run.details.depth_unit for run in runs if run.details), "m")
    charts = dict(
        training=training_chart(runs).as_json(),
        balance=balance_chart(runs).as_json(),
        distance=distance_chart(runs, unit).as_json(),
    )
    matrices = [confusions(run) for run in runs]
    return environment.get_template("report.html").render(
        runs=[_header(index, run) for index, run in enumerate(runs)],
        script=Markup(script),
        script_digest=digest,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        rows=summary_rows(runs),
        charts=charts,
        classes=class_rows(runs),
        matrices=matrices,
        costs=cost_rows(runs),
        cost_notes=cost_notes(runs),
        differences=config_differences([run.config for run in runs]),
        pictures=pictures,
        gallery_notes=gallery_notes,
        data=dict(runs=[run.name for run in runs], charts=charts, matrices=matrices),
        missing=_missing(runs, charts, pictures),
    )


def _header(index: int, run: RunRecord) -> dict[str, Any]:
    """Return what the page shows of a run itself."""
    hues = FIRST_HUES
    hue = hues[index] if index < len(hues) else round(hues[0] + GOLDEN_ANGLE * index) % 360
    flat = flat_texts(run.config)
    done = run.history.training[-1].values if run.history.training else {}
    unit, key = ("epoch", "max_epochs") if run.history.per_epoch else ("iteration", "max_iters")
    number = done.get("epoch" if unit == "epoch" else "iter", 0)
    planned = flat.get(f"train_cfg.{key}")
    return dict(
        index=index,
        name=run.name,
        folder=str(run.folder),
        hue=hue,
        progress=f"{unit} {number}" + (f" of {planned}" if planned else ""),
        notes=run.notes,
        config_text=run.config_text,
        balance=(run.summary.get("balance") or {}),
    )


def _missing(
    runs: Sequence[RunRecord], charts: dict[str, Any], pictures: Sequence[Picture]
) -> dict[str, list[str]]:
    """Return for each section the names of the runs that recorded nothing for it."""
    present = {name: {s["run"] for s in chart["series"]} for name, chart in charts.items()}
    present |= dict(
        summary={i for i, run in enumerate(runs) if run.metrics},
        classes={i for i, run in enumerate(runs) if run.details and run.details.confusion},
        cost={i for i, run in enumerate(runs) if run.details and run.details.cost},
        config={i for i, run in enumerate(runs) if run.config},
        gallery={index for p in pictures for task in p.tasks for index in task.runs},
    )
    return {
        section: [run.name for index, run in enumerate(runs) if index not in found]
        for section, found in present.items()
    }
