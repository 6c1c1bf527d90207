"""Write a page with every config: its purpose, the cost of its network, its results."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mtl_plugins.checkpoints import build_network
from mtl_plugins.config import complete_tasks, load_config
from mtl_plugins.costs import count_macs, parameters_by_part
from mtl_plugins.errors import ConfigError
from mtl_plugins.utils import TextTable, track, write_text

NO_EXPERIMENTS = ("_base_", "sweeps")
"""Folders without experiments."""

METRICS = ("mIoU", "SI-logRMSE")
"""Results with a column."""

WORDS = ("config", "shows", "data", "size")
COLUMNS = (*WORDS, "params (M)", "GMACs", *METRICS)

PREFACE = """# Gallery of configs

Written by `python tools/dev/commands/gallery.py`; do not edit.

Names follow one scheme:

| path | is |
|---|---|
| `configs/mtl_<what>.py` | the default data, StreetScenes; several tasks |
| `configs/single_<task>.py` | the same with one task: a baseline |
| `configs/<data set>/<system>_<encoder>.py` | one task (`depth`), `joint`, `branched`, `mtan` |
| `configs/ladder/<report><step>_<what>.py` | printed steps of two reports ([ladder](ladder.md)) |
| `configs/sweeps/<study>.py` | a search space ([sweeps](sweeps.md)), no experiment |
| `configs/_base_/{datasets,models,schedules,ladder}` | the parts that experiments are made of |

*Size* is the height and width of a training image; GMACs are the multiply-adds of one such image
(`tools/cost.py` has the convention). Results are those of the folder's `metafile.yml`; `-`: not
measured here.
"""

NOTES = {
    "ladder": "Costs at full size. Results at `LADDER_SIZE=small`, means of three seeds "
    "([ladder.md](ladder.md#report-b-at-small-size-three-seeds) has their spread and costs).",
}
"""Text above the table of a folder."""


@dataclass(frozen=True)
class Entry:
    """One config of the gallery.

    Args:
        config: its path below the folder of all configs.
        shows: its purpose, the comment at its top.
        data: name of its training data.
        size: (height, width) of a training image, in pixels.
        parameters: number of parameters of its network.
        macs: multiply-adds of one forward pass of one training image.
        results: metrics by name.
    """

    config: str
    shows: str
    data: str
    size: tuple[int, int]
    parameters: int
    macs: int
    results: Mapping[str, float]


def experiments(folder: str) -> list[str]:
    """Return the paths of all experiments below a folder, relative to it, top-level ones first."""
    paths = glob.glob("**/*.py", root_dir=folder, recursive=True)
    kept = [path for path in paths if path.split(os.sep)[0] not in NO_EXPERIMENTS]
    return sorted(kept, key=lambda path: (os.sep in path, path))


def description(path: str) -> str:
    """Return the comment at the top of a config on one line.

    Raises:
        ConfigError: there is none.
    """
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                break
            lines.append(line.lstrip("# ").strip())
    if not lines:
        raise ConfigError(f"{path} does not begin with a comment; say in one what it shows.")
    return " ".join(lines)


def gallery_entry(folder: str, path: str) -> Entry:
    """Build the network of the config `path` below `folder` and count its cost."""
    config = load_config(os.path.join(folder, path))
    complete_tasks(config)
    init_default_scope(config.get("default_scope", "mmseg"))
    network = build_network(config.model.to_dict(), path).eval()
    data = _training_data(config)
    size = _image_size(data)
    image = torch.zeros(1, 3, *size)
    return Entry(
        config=path,
        shows=description(os.path.join(folder, path)),
        data=os.path.basename(data["data_root"]),
        size=size,
        parameters=sum(parameters_by_part(network).values()),
        macs=count_macs(lambda: network(image, mode="tensor")),
        results=printed_results(folder, path),
    )


def printed_results(folder: str, path: str) -> dict[str, float]:
    """Return the results of a config from the `metafile.yml` beside it, by metric."""
    metafile = os.path.join(folder, os.path.dirname(path), "metafile.yml")
    if not os.path.isfile(metafile):
        return {}
    with open(metafile, encoding="utf-8") as file:
        models = yaml.safe_load(file)["Models"]
    name = os.path.join(os.path.basename(folder), path)
    found = [result for m in models if m["Config"] == name for result in m.get("Results", ())]
    return {metric: value for result in found for metric, value in result["Metrics"].items()}


def _training_data(config: Config) -> Mapping[str, Any]:
    data = config.train_dataloader.dataset
    return data.datasets[0] if "datasets" in data else data


def _image_size(data: Mapping[str, Any]) -> tuple[int, int]:
    """Return the (height, width) that a pipeline crops or resizes to, or that of the data."""
    size: Any = data.get("size")
    for transform in data["pipeline"]:
        size = transform.get("crop_size") or transform.get("size") or size
    return tuple(size)


def gallery_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    """Yield the texts of each entry's row."""
    for entry in entries:
        yield [
            f"`{os.path.splitext(entry.config)[0]}`",
            entry.shows,
            f"`{entry.data}`",
            "x".join(map(str, entry.size)),
            f"{entry.parameters / 1e6:.2f}",
            f"{entry.macs / 1e9:.2f}",
            *(f"{entry.results[m]:.2f}" if m in entry.results else "-" for m in METRICS),
        ]


def gallery_page(entries: Sequence[Entry]) -> str:
    """Return the page as Markdown, one table a folder."""
    parts = [PREFACE]
    for folder, group in groupby(entries, key=lambda entry: os.path.dirname(entry.config)):
        parts += [f"## configs/{folder}".rstrip("/"), *([NOTES[folder]] if folder in NOTES else [])]
        parts += [TextTable(COLUMNS, [*gallery_rows([*group])], WORDS).markdown()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def write_gallery(folder: str, out: str) -> None:
    """Write the page of all experiments below a folder, with progress on the terminal."""
    entries = [gallery_entry(folder, path) for path in track(experiments(folder), "counting")]
    write_text(out, gallery_page(entries))
    print(f"{len(entries)} configs in {out}")
