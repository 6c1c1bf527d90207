"""Random batches and small models for tests."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.nn import functional as F

from mtl_plugins.targets import DEPTH, NORMALS, Target

NUM_CLASSES = 5
TASK_HEADS = dict(
    semseg=dict(type="SegmentationHead", num_classes=NUM_CLASSES),
    depth=dict(type="DepthHead", initial_depth=10.0),
)
TARGETS = dict(
    parts=Target("parts", "classes", classes=("none", "head", "arm", "leg", "rest")),
    species=Target("species", "classes", classes=tuple(f"species {i}" for i in range(300))),
    edges=Target("edges", "binary"),
    height=Target("height", "scalar", unit="m", range=(-5.0, 50.0)),
    heat=Target("heat", "scalar"),
    depth=DEPTH,
    gap=Target("gap", "scalar", distance=True, range=(0.5, 20.0)),
    normals=NORMALS,
    flow=Target("flow", "offset"),
)
"""Targets of every type, predefined and declared, with and without parameters."""
DECODER = dict(type="DeepLabDecoder", channels=8, skip_channels=4)


def truth_of(target, height, width) -> torch.Tensor:
    """A random truth C,H,W of a target; the first two columns are invalid."""
    size = (target.channels, height, width)
    if target.integer:
        # As PackTargets packs uint8 and uint16.
        kind = torch.int32 if target.dtype == "uint16" else torch.uint8
        truth = torch.randint(0, target.num_classes, size).to(kind)
    elif target.type == "scalar":
        low, high = target.range or (1.0, 51.0)
        truth = torch.rand(size) * (high - low) + low
    else:
        truth = torch.randn(size) * 3
        truth = F.normalize(truth, dim=0) if target.type == "direction" else truth
    truth[:, :, :2] = target.invalid
    return truth


def sample_of(targets, height, width) -> SegDataSample:
    """A sample as PackTargets packs it: random truths, and the list of its targets."""
    size = dict(ori_shape=(height, width), img_shape=(height, width))
    result = SegDataSample(metainfo=dict(size, targets=list(targets)))
    truths = {each.truth: PixelData(data=truth_of(each, height, width)) for each in targets}
    result.set_data(truths)
    return result


def sample(height, width, semseg=True, depth=True, normals=False) -> SegDataSample:
    """A sample with random targets, some pixels invalid."""
    result = SegDataSample(metainfo=dict(ori_shape=(height, width), img_shape=(height, width)))
    if semseg:
        label = torch.randint(0, NUM_CLASSES, (1, height, width))
        label[:, :2] = 255
        result.set_data(dict(gt_sem_seg=PixelData(data=label)))
    if depth:
        metres = torch.rand(1, height, width) * 50 + 1
        metres[:, :, :3] = 0
        result.set_data(dict(gt_depth_map=PixelData(data=metres)))
    if normals:
        vectors = F.normalize(torch.randn(3, height, width), dim=0)
        vectors[:, :, -3:] = 0
        result.set_data(dict(gt_normal_map=PixelData(data=vectors)))
    return result


def batch(*sizes, **kinds) -> dict:
    """What a data loader gives: images of the given sizes and their samples."""
    return dict(
        inputs=[torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes],
        data_samples=[sample(*size, **kinds) for size in sizes],
    )


def model(
    head="BranchedHead",
    backbone=None,
    decoder=None,
    task_decoders=None,
    task_heads=TASK_HEADS,
    data_preprocessor=None,
    **kwargs,
) -> nn.Module:
    """A small multi-task model; `head` is the arrangement's type, or a dict with more options."""
    own = dict(type=head) if isinstance(head, str) else dict(head)
    if task_decoders is not None:
        own["task_decoders"] = task_decoders
    return MODELS.build(
        dict(
            type="MultiTaskSegmentor",
            data_preprocessor=data_preprocessor or dict(type="MultiTaskDataPreprocessor"),
            backbone=backbone or dict(type="TimmEncoder", model_name="test_resnet"),
            decode_head=dict(own, decoder=decoder or DECODER, task_heads=task_heads),
            **kwargs,
        )
    )


def step(network, data) -> dict[str, torch.Tensor]:
    """One forward and backward pass in training mode; returns the losses."""
    network.train()
    losses = network(**network.data_preprocessor(data, True), mode="loss")
    total, logged = network.parse_losses(losses)
    network.zero_grad()
    total.backward()
    return logged


def predict(network, data) -> list[SegDataSample]:
    """The predictions of a batch."""
    network.eval()
    with torch.no_grad():
        return network.test_step(data)


def gradients(network) -> dict[str, torch.Tensor]:
    """The gradients of all parameters that have one."""
    return {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
