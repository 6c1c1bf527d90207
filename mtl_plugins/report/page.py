"""Write the report of several runs as one HTML page."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from rich.console import Console

from ..errors import ConfigError
from ..utils import check_results, track
from ..visualization import ordered, title_of
from .charts import balance_chart, distance_chart, training_chart
from .echarts import LineChart, matrix_option, matrix_side
from .gallery import Picture, paint_image, read_gallery
from .run_record import RunRecord, read_runs
from .tables import (
    class_rows,
    config_differences,
    confusion_of,
    cost_of,
    cost_rows,
    summary_rows,
    worst_confusions,
)

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("echarts-6.1.0.min.js", "page.js")
FIRST_HUES = (255, 45, 155, 340, 95, 200, 300, 20)
GOLDEN_ANGLE = 137.508


def write_page(folders: Sequence[str], out: str) -> None:
    """Write the report of work dirs as one HTML file, and print its path.

    The file holds everything it shows and needs no network; its own policy forbids access to one.

    Args:
        folders: work dirs; the others are compared with the first.
        out: path of the file; its folder is created.

    Raises:
        ConfigError: `read_runs` refuses a work dir, or `out` cannot be written.
    """
    check_results(out)
    runs = read_runs(folders)
    kept, notes = read_gallery(runs)
    pictures = [paint_image(image) for image in track(kept, "painting")]
    text = render_page(runs, pictures, notes)
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        # File names need not be valid Unicode.
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
    """Return the page; all texts that come from files are escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    script = "\n".join(["", *((TEMPLATES / n).read_text(encoding="utf-8") for n in SCRIPTS)])
    charts = dict(training=training_chart(runs), balance=balance_chart(runs))
    label_sets, distances = _label_sets(runs), _distances(runs)
    drawn = charts | {f"distance-{name}": found["chart"] for name, found in distances.items()}
    return environment.get_template("report.html").render(
        runs=[_header(index, run) for index, run in enumerate(runs)],
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        rows=summary_rows(runs),
        charts=charts,
        label_sets=label_sets,
        distances=distances,
        costs=cost_rows(runs),
        cost_notes=[
            f"{run.name}: an image of {cost['height']}x{cost['width']}; {cost['machine']}."
            for run in runs
            if (cost := cost_of(run))
        ],
        differences=config_differences([run.config for run in runs]),
        pictures=pictures,
        gallery_notes=gallery_notes,
        data=dict(
            runs=[run.name for run in runs],
            charts={name: chart.option() for name, chart in drawn.items() if chart.curves},
            matrices={
                f"{name}-{index}": matrix["option"]
                for name, found in label_sets.items()
                for index, matrix in found["matrices"].items()
            },
        ),
        missing=_missing(runs, charts, pictures),
    )


def _label_sets(runs: Sequence[RunRecord]) -> dict[str, dict[str, Any]]:
    """Return the classes and the confusion matrices of each target that has some."""
    sections = {}
    for name, (title, recorded) in _recorded(runs, "confusion").items():
        matrices = {}
        for index in recorded:
            target, counts = confusion_of(runs[index], name)
            matrices[index] = dict(
                side=matrix_side(target.classes),
                worst=worst_confusions(target.classes, counts),
                option=matrix_option(target.classes, counts),
            )
        sections[name] = dict(
            title=title,
            rows=class_rows(runs, name),
            matrices=matrices,
            missing=_others(runs, recorded),
        )
    return sections


def _distances(runs: Sequence[RunRecord]) -> dict[str, dict[str, Any]]:
    """Return the chart of the errors of each target that has errors by distance."""
    return {
        name: dict(title=title, chart=distance_chart(runs, name), missing=_others(runs, recorded))
        for name, (title, recorded) in _recorded(runs, "distance_errors").items()
    }


def _recorded(runs: Sequence[RunRecord], field: str) -> dict[str, tuple[str, list[int]]]:
    """Return title and runs (their indices) of each target that a field of the details has."""
    measured = [getattr(run.details, field) if run.details else {} for run in runs]
    found = {}
    for name in ordered(name for each in measured for name in each):
        indices = [index for index, each in enumerate(measured) if name in each]
        details = runs[indices[0]].details
        found[name] = title_of(details.described[name]) if details else name, indices
    return found


def _others(runs: Sequence[RunRecord], recorded: Collection[int]) -> list[str]:
    """Return the names of the other runs."""
    return [run.name for index, run in enumerate(runs) if index not in recorded]


def _header(index: int, run: RunRecord) -> dict[str, Any]:
    """Return the facts about a run itself."""
    hues = dict(enumerate(FIRST_HUES))
    hue = hues.get(index, round(FIRST_HUES[0] + GOLDEN_ANGLE * index) % 360)
    done = run.history.training[-1].values if run.history.training else {}
    unit, key = ("epoch", "max_epochs") if run.history.per_epoch else ("iteration", "max_iters")
    number = done.get("epoch" if unit == "epoch" else "iter", 0)
    planned = run.config.get(f"train_cfg.{key}")
    return dict(
        index=index,
        name=run.name,
        folder=str(run.folder),
        hue=hue,
        progress=f"{unit} {number}" + (f" of {planned}" if planned else ""),
        notes=run.notes,
        config_text=run.config_text,
        balance=run.summary.get("balance", {}),
    )


def _missing(
    runs: Sequence[RunRecord], charts: dict[str, LineChart], pictures: Sequence[Picture]
) -> dict[str, list[str]]:
    """Return, for each section, the names of the runs that recorded nothing for it."""
    present = {name: set(chart.runs()) for name, chart in charts.items()}
    present |= dict(
        summary={i for i, run in enumerate(runs) if run.metrics},
        cost={i for i, run in enumerate(runs) if cost_of(run)},
        config={i for i, run in enumerate(runs) if run.config},
        gallery={index for p in pictures for task in p.tasks for index in task.runs},
    )
    return {section: _others(runs, found) for section, found in present.items()}
