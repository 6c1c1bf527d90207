"""Evaluations from image arrays to metrics: ours, and mmseg's with the same networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement
from mmseg.registry import METRICS, MODELS, TRANSFORMS
from torch import nn

from mtl_plugins.costs import peak_memory

CLASSES = tuple(f"class {i}" for i in range(19))
SCALES = (0.75, 1.0, 1.25)
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BACKBONE = dict(
    type="ResNet", depth=18, num_stages=4, out_indices=(0, 1, 2, 3), style="pytorch",
    norm_cfg=dict(type="BN"),
)  # fmt: skip
HEAD = dict(
    type="DepthwiseSeparableASPPHead", in_channels=512, in_index=3, channels=128,
    dilations=(1, 3, 6, 9), c1_in_channels=64, c1_channels=24, norm_cfg=dict(type="BN"),
    align_corners=False,
)  # fmt: skip
DATA = dict(type="SegDataPreProcessor", mean=MEAN, std=STD, bgr_to_rgb=True)


class Evaluation:
    """Models with their transforms and metrics, which evaluate one image after the other."""

    def __init__(self, parts: Sequence[tuple[BaseModel, list, list]]) -> None:
        self.parts = parts

    @torch.no_grad()
    def run(self, samples: Sequence[dict]) -> None:
        """Predict every sample and compute the metrics."""
        for model, transforms, metrics in self.parts:
            for sample in samples:
                results: Any = {key: _copy(value) for key, value in sample.items()}
                for transform in transforms:
                    results = transform(results)
                outputs = model.test_step(pseudo_collate([results]))
                for metric in metrics:
                    metric.process({}, [_as_dict(output) for output in outputs])
            for metric in metrics:
                metric.evaluate(len(samples))

    def peak(self, samples: Sequence[dict], device: torch.device) -> int:
        """Return the peak bytes above all weights."""
        weights = [
            tensor
            for model, _, _ in self.parts
            for tensor in (*model.parameters(), *model.buffers())
        ]
        held = sum(tensor.untyped_storage().nbytes() for tensor in weights)
        if device.type == "cuda":
            held = torch.cuda.memory_allocated(device)
        return peak_memory(lambda: self.run(samples), weights, device) - held


def ways(device: str) -> dict[str, tuple[Evaluation, Evaluation]]:
    """Return the compared evaluations by name: ours, and mmseg's with the same networks."""
    init_default_scope("mmseg")
    decoder = dict(type="MMSegDecoder", head=HEAD)
    semseg = dict(semseg=dict(type="SegmentationHead", num_classes=len(CLASSES)))
    both = dict(semseg, depth=dict(type="DepthHead"))
    tta = dict(tta=dict(scales=SCALES, flip=True))

    def ours(task_heads: dict, test_cfg: dict | None = None) -> Evaluation:
        model = dict(
            type="MultiTaskSegmentor", backbone=BACKBONE, test_cfg=test_cfg, channels_last=True,
            data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
            decode_head=dict(type="BranchedHead", decoder=decoder, task_heads=task_heads),
        )  # fmt: skip
        metrics = [_metric(dict(type="MultiTaskMetric", tasks=tuple(task_heads)))]
        return Evaluation([(_built(model, device), [_pack("PackTargets")], metrics)])

    classes = _built(
        dict(
            type="EncoderDecoder", backbone=BACKBONE, data_preprocessor=DATA,
            decode_head=dict(HEAD, num_classes=len(CLASSES)), test_cfg=dict(mode="whole"),
        ),
        device,
    )  # fmt: skip
    depth = _built(
        dict(
            type="DepthEstimator", backbone=BACKBONE, data_preprocessor=DATA,
            decode_head=dict(HEAD, num_classes=1, out_channels=1), test_cfg=dict(mode="whole"),
        ),
        device,
    )  # fmt: skip
    # Metres above 0: mmseg's metric takes their logarithm.
    nn.init.constant_(depth.decode_head.conv_seg.bias, 100.0)
    iou = _metric(dict(type="IoUMetric", iou_metrics=["mIoU"]))
    # Its depth_metrics argument raises a TypeError; the default measures all.
    metres = _metric(dict(type="DepthMetric", min_depth_eval=0.01, max_depth_eval=1000.0))
    pack = [_pack("PackSegInputs")]
    mirrored = [[dict(type="RandomFlip", prob=float(flip))] for flip in (0, 1)]
    sized = [[dict(type="Resize", scale_factor=scale, keep_ratio=True)] for scale in SCALES]
    views = dict(
        type="TestTimeAug",
        transforms=[[step[0] for step in sized], [step[0] for step in mirrored], [PACK]],
    )
    merged = MODELS.build(dict(type="SegTTAModel"), default_args=dict(module=classes))
    return {
        "classes and depth": (
            ours(both),
            Evaluation([(classes, pack, [iou]), (depth, pack, [metres])]),
        ),
        f"classes, {len(SCALES)} scales, mirrored": (
            ours(semseg, tta),
            Evaluation([(merged, [TRANSFORMS.build(views)], [iou])]),
        ),
    }


PACK = dict(
    type="PackSegInputs",
    meta_keys=("img_path", "ori_shape", "img_shape", "pad_shape", "flip", "flip_direction"),
)


def _pack(kind: str) -> Callable[[dict], dict]:
    return TRANSFORMS.build(dict(PACK, type=kind))


def _metric(config: dict) -> Any:
    metric = METRICS.build(config)
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


def _built(config: dict, device: str) -> Any:
    # mmseg reads its test_cfg by attributes.
    return MODELS.build(ConfigDict(config)).eval().to(device)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, (np.ndarray, list)) else value


def _as_dict(sample: BaseDataElement) -> dict:
    return sample.to_dict()


def random_samples(count: int, size: tuple[int, int], seed: int = 0) -> list[dict]:
    """Return samples as transforms get them: random image, labels and depth."""
    draw = np.random.default_rng(seed)
    return [
        dict(
            img=draw.integers(0, 256, (*size, 3), dtype=np.uint8),
            gt_seg_map=draw.integers(0, len(CLASSES), size, dtype=np.uint8),
            gt_depth_map=draw.uniform(1, 80, size).astype(np.float32),
            img_path=f"{number}.png", img_shape=size, ori_shape=size, pad_shape=size,
            # Test-time views resize the listed fields; metrics need the original size.
            seg_fields=[], reduce_zero_label=False, flip=False, flip_direction=None,
        )
        for number in range(count)
    ]  # fmt: skip
