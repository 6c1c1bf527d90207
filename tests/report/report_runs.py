"""Write work dirs with chosen numbers, by the writers that training uses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.visualization import LocalVisBackend

from mtl_plugins.report import Details
from mtl_plugins.targets import DEPTH, NORMALS, Target
from mtl_plugins.visualization import TaskMaps, save_maps

METRICS = {
    "semseg/mIoU": 50.0, "parts/mIoU": 40.0, "edges/f1": 30.0, "height/rmse": 2.0, "flow/epe": 1.0,
}  # fmt: skip
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


def write_many(folder: Path, seed: int = 0, size=(64, 96)):
    """Write a run with two label sets, a mask, two distances, normals, a height map and flow.

    `parts` has a long name in it, and `second` is a task that learns the classes of `semseg`.
    """
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    semseg = Target("semseg", "classes", classes=("road", "sky"), palette=PALETTE)
    parts = ("none", "wheel", "window", "a very long name of a part of something")
    targets = [
        semseg, DEPTH, NORMALS,
        Target("parts", "classes", classes=parts),
        Target("edges", "binary"),
        Target("range", "scalar", unit="km", distance=True),
        Target("height", "scalar", unit="m", range=(-5, 50)),
        Target("flow", "offset"),
        semseg.learned_by("second"),
    ]  # fmt: skip
    maps = []
    for target in targets:
        if target.integer:
            truth = (rows // 16 + columns // 16) % target.num_classes
            other = generator.integers(0, target.num_classes, size)
            guess = np.where(generator.random(size) < 0.2, other, truth)
        else:
            channels = [rows / 8 + 2, columns / 8 - 6, rows * 0 - 4][: target.channels]
            truth = np.stack(channels, axis=-1).astype(np.float32)
            guess = truth + generator.normal(size=truth.shape).astype(np.float32)
            if target.type == "direction":
                lengths = (np.linalg.norm(m, axis=-1, keepdims=True) for m in (truth, guess))
                truth, guess = (m / n for m, n in zip((truth, guess), lengths, strict=True))
            elif target.channels == 1:
                truth, guess = truth[..., 0], np.abs(guess[..., 0])
        truth[:10] = target.invalid
        maps.append(TaskMaps(target, guess, truth))
    steps = [("train", 10, dict(loss=1.0)), ("val", 1, METRICS), ("train", 20, dict(loss=0.5))]
    log_run(folder, [*steps, ("val", 2, METRICS)])
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    save_maps(Details.gallery(folder) / "one", image, maps)
    counts = {
        each.target.name: counted(each, each.target.num_classes)
        for each in maps
        if each.target.integer
    }
    Details(
        epoch=2, iteration=20, targets={each.name: each.to_dict() for each in targets},
        confusion=counts, distance_errors=dict.fromkeys(("depth", "range"), ERRORS),
        cost=COST, images=["one"],
    ).write(folder)  # fmt: skip
    return str(folder)


def counted(maps: TaskMaps, number: int):
    """Count the pixels of each true and predicted class."""
    known = maps.truth < number
    pairs = maps.truth[known] * number + maps.prediction[known]
    return np.bincount(pairs, minlength=number**2).reshape(number, number).tolist()
