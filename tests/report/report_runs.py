"""Write work dirs with chosen numbers, by the writers that training uses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.visualization import LocalVisBackend

from mtl_plugins.report import Details
from mtl_plugins.targets import DEPTH, Target
from mtl_plugins.visualization import TaskMaps, save_maps

NASTY = "</script><script>hacked=1</script><img src=http://x.example onerror=hacked=1>&\"'"
PALETTE = ((128, 64, 128), (70, 130, 180))
COST = dict(
    parameters=dict(encoder=2_000_000, decoders=500_000, task_heads=0, rest=0),
    macs=3_000_000_000, height=4, width=6, machine="a machine",
)  # fmt: skip
ERRORS = dict(
    near=[1.0, 10.0], far=[4.0, 40.0], pixels=[30.0, 10.0],
    abs_rel=[0.1, 0.4], log_bias=[0.0, -0.2], rmse_log=[0.1, 0.5],
)  # fmt: skip


def log_run(folder: Path, records, time="20260101_000000", **config):
    """Write the log of a run, and return its path.

    Args:
        folder: the work dir.
        records: (kind, step, values), where kind is "train" or "val".
        time: when training started.
        config: values of the config.
    """
    backend = LocalVisBackend(str(folder / time / "vis_data"))
    backend.add_config(Config(dict(dict(train_cfg=dict(max_epochs=2)), **config)))
    for kind, step, values in records:
        place = dict(epoch=-(-step // 10), iter=step) if kind == "train" else {}
        backend.add_scalars(dict(values, **place), step=step)
    return folder / time / "vis_data" / "scalars.json"


def write_run(folder: Path, metrics, classes=("road", "sky"), images=("one",), depth=5.0, **config):
    """Write a run of two epochs of 10 iterations whose last validation gave `metrics`.

    Its confusion matrix is [[6, 2], [0, 4]], which gives IoUs of 75 and 66.7. Every image has 4x6
    pixels. The true depth is unknown in the upper half and 10 m in the lower one; the predicted
    depth is `depth` everywhere.
    """
    early = {name: value / 2 for name, value in metrics.items()}
    records = [
        *(("train", step, dict(loss=4 / step, time=0.5, data_time=0.1)) for step in (5, 10)),
        ("val", 1, early),
        *(("train", step, dict(loss=4 / step, time=0.7, data_time=0.1)) for step in (15, 20)),
        ("val", 2, metrics),
    ]
    log_run(folder, records, **config)
    blind = dict.fromkeys(metrics, 1.0)
    balance = {"semseg": dict(weight=0.25, grad_norm=2.0), "semseg | depth": dict(conflict=12.5)}
    summary = dict(metrics=metrics, image_blind=blind, balance=balance, delta_m={})
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    truth = np.zeros((4, 6), np.float32)
    truth[2:] = 10
    labels = np.arange(24).reshape(4, 6) % 2
    labelled = Target("semseg", "classes", classes=classes, palette=PALETTE)
    maps = [
        TaskMaps(labelled, prediction=labels, truth=labels),
        TaskMaps(DEPTH, prediction=np.full((4, 6), depth, np.float32), truth=truth),
    ]
    for name in images:
        save_maps(Details.gallery(folder) / name, np.full((8, 12, 3), 99, np.uint8), maps)
    Details(
        epoch=2, iteration=20, targets={each.name: each.to_dict() for each in (labelled, DEPTH)},
        confusion=dict(semseg=[[6, 2], [0, 4]]), distance_errors=dict(depth=ERRORS),
        cost=COST, images=list(images),
    ).write(folder)  # fmt: skip
    return str(folder)


def nasty_run(folder: Path):
    """Write a run whose names and config contain HTML."""
    metrics = {"semseg/mIoU": 50.0, f"own/{NASTY}": 1.0}
    return write_run(folder, metrics, classes=(NASTY, "sky"), note=NASTY)
