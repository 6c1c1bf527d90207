"""Two kinds of target that the package does not know, with files, heads and a metric."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import METRICS, MODELS
from PIL import Image

from mtl_plugins.evaluation import Measure, StreamingMetric, measure
from mtl_plugins.models.task_heads import TaskHead
from mtl_plugins.targets import DENSE_TARGETS, DenseTarget, register_target

SHADE = DenseTarget(kind="shade", invalid=-1.0)
FLOW = DenseTarget(kind="flow", invalid=1000.0, channels=2, vector=True)
SIZE, COUNT = (32, 64), 3


class PlainHead(TaskHead):
    """Predicts the raw map itself; L1 where the truth is valid."""

    def __init__(self, in_channels, init_cfg=None):
        loss = dict(type="MaskedL1Loss")
        super().__init__(in_channels, self.target.channels, loss, init_cfg=init_cfg)

    def losses_of(self, raw, truth):
        valid = truth != self.target.invalid
        return {name: loss(raw, truth, valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw):
        return raw.float()


class ShadeHead(PlainHead):
    target = SHADE


class FlowHead(PlainHead):
    target = FLOW

    def unflip(self, raw, direction):
        signs = torch.tensor([-1.0, 1.0] if direction == "horizontal" else [1.0, -1.0])
        return super().unflip(raw, direction) * signs.view(2, 1, 1)


@dataclass
class Sums:
    images: int = 0
    total: float = 0.0

    def add(self, other):
        self.images, self.total = self.images + other.images, self.total + other.total


@contextmanager
def registered_kinds():
    """Register everything, and take it away again: other tests count what there is."""
    before = dict(measure._DECLARED)
    register_target(SHADE)
    register_target(FLOW)

    class ShadeMetric(StreamingMetric[Sums]):
        new_tally = Sums
        measures = (
            Measure("shade/bias", "lower", "shade, bias", main=True),
            Measure("shade/bright", "higher"),
        )

        def measure(self, sample):
            return Sums(1, float(sample[SHADE.prediction]["data"].mean()))

        def compute_metrics(self, results):
            return {"shade/bias": sum(r.total for r in results), "shade/bright": 1.0}

    MODELS.register_module(module=ShadeHead)
    MODELS.register_module(module=FlowHead)
    METRICS.register_module(module=ShadeMetric)
    try:
        yield
    finally:
        for registry, name in (
            (MODELS, "ShadeHead"),
            (MODELS, "FlowHead"),
            (METRICS, "ShadeMetric"),
        ):
            registry.module_dict.pop(name)
        for target in (SHADE, FLOW):
            DENSE_TARGETS.pop(target.kind)
        measure._DECLARED.clear()
        measure._DECLARED.update(before)


def write_files(root):
    """Write images with both truths: rows 0 and 1 have no shade, columns 0 and 1 no flow."""
    rng = np.random.default_rng(0)
    for index in range(COUNT):
        shade = rng.integers(0, 201, SIZE, np.uint8)
        shade[:2] = 255
        flow = rng.normal(size=(*SIZE, 2)).astype(np.float32)
        flow[:, :2] = np.nan
        for folder in ("rgb", "shade", "flow"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(root / f"rgb/{index}.png")
        Image.fromarray(shade).save(root / f"shade/{index}.png")
        np.save(root / f"flow/{index}.npy", flow)


def dataset(root, *transforms, **options):
    return dict(
        type="MultiTaskDataset",
        data_root=str(root),
        img_suffix=".png",
        data_prefix=dict(img_path="rgb", shade_map_path="shade", flow_map_path="flow"),
        target_formats=dict(shade=dict(scale=1 / 200, invalid=[255])),
        target_suffixes=dict(flow=".npy"),
        pipeline=[dict(type="LoadImage"), dict(type="LoadTargets"), *transforms],
        **options,
    )


def config(root):
    """A config of both tasks whose training and test data are the same files."""
    pack = dict(type="PackTargets")
    loader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=dataset(root, pack, test_mode=True),
    )
    train = dict(loader, dataset=dataset(root, dict(type="FlipTargets", prob=1.0), pack))
    heads = dict(light=dict(type="ShadeHead"), flow=dict(type="FlowHead"))
    decoder = dict(type="DeepLabDecoder", channels=8, skip_channels=4)
    return Config(
        dict(
            default_scope="mmseg",
            model=dict(
                type="MultiTaskSegmentor",
                data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
                backbone=dict(type="TimmEncoder", model_name="test_resnet"),
                decode_head=dict(type="JointHead", decoder=decoder, task_heads=heads),
                test_cfg=dict(mode="whole"),
            ),
            train_dataloader=train,
            val_dataloader=loader,
            test_dataloader=loader,
            val_evaluator=dict(type="ShadeMetric"),
            test_evaluator=dict(type="ShadeMetric"),
            test_cfg=dict(type="TestLoop"),
            default_hooks=dict(
                checkpoint=dict(type="DurableCheckpointHook", save_best="multitask/score")
            ),
            visualizer=dict(type="Visualizer"),
        )
    )
