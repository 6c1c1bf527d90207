"""Pyramids behind decoders: fused to one map, exchanged between tasks, or taken by a head."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.nn import functional as F

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.decoders import FusionDecoder, PyramidDecoder
from mtl_plugins.models.interactions import Interaction, SpatialGates
from mtl_plugins.models.task_heads import SegmentationHead, StageHeads
from tests.batches import NUM_CLASSES, TASK_HEADS, batch, gradients, model, predict, step

CHANNELS, STRIDES = (4, 6, 8), (4, 8, 16)
PYRAMID = dict(type="PyramidDecoder", channels=6)
FUSION = dict(type="FusionDecoder", channels=8)


def levels(n=2):
    return [torch.rand(n, c, 64 // s, 64 // s) for c, s in zip(CHANNELS, STRIDES, strict=True)]


def number(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_fusion_of_hrnet_18_has_its_published_size():
    fusion = FusionDecoder((18, 36, 72, 144), (4, 8, 16, 32))
    assert fusion.out_channels == 270 and number(fusion) == 73_710
    head = MODELS.build(dict(type="DepthHead", in_channels=fusion.out_channels))
    assert number(fusion) + number(head) == 73_981


def test_fusion_is_its_formula():
    fusion = FusionDecoder(CHANNELS, STRIDES, channels=5).eval()
    pyramid = levels()
    raised = [F.interpolate(x, (16, 16), mode="bilinear") for x in pyramid]
    with torch.no_grad():
        expected = fusion.norm(fusion.mix(torch.cat(raised, dim=1))).clamp(min=0)
        assert torch.equal(fusion(pyramid), expected)


def test_levels_pass_reduced_or_joined():
    pyramid = levels()
    same = PyramidDecoder(CHANNELS, STRIDES)
    assert number(same) == 0 and same.out_channels == CHANNELS
    assert all(one is other for one, other in zip(same(pyramid), pyramid, strict=True))
    apart = PyramidDecoder(CHANNELS, STRIDES, channels=(2, 3, 5))
    assert [each.shape[1] for each in apart(pyramid)] == [2, 3, 5]
    joined = PyramidDecoder(CHANNELS, STRIDES, channels=7, top_down=True)
    with torch.no_grad():
        deep = joined.laterals[2](pyramid[2])
        middle = joined.laterals[1](pyramid[1]) + F.interpolate(deep, (8, 8), mode="bilinear")
        found = joined(pyramid)
        assert torch.equal(found[1], joined.convs[1](middle))
        assert torch.equal(found[2], joined.convs[2](deep))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(channels=(1, 2)), r"2 widths for 3 levels .*one for each"),
        (dict(top_down=True), r"channels=None; give one number"),
    ],
)
def test_wrong_widths_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        PyramidDecoder(CHANNELS, STRIDES, **options)


def test_gates_treat_each_level_as_a_map_of_its_own():
    tasks = list(TASK_HEADS)
    pyramids = {task: levels() for task in tasks}
    channels, strides = dict.fromkeys(tasks, CHANNELS), dict.fromkeys(tasks, STRIDES)
    gates = SpatialGates(channels, strides, StageHeads(TASK_HEADS)).eval()
    features, first = gates(pyramids)
    assert list(first) == gates.stages == ["scale0", "scale1", "scale2"]
    for index, width in enumerate(CHANNELS):
        none = dict.fromkeys(tasks)
        single = SpatialGates(dict.fromkeys(tasks, width), none, StageHeads(TASK_HEADS)).eval()
        single.levels[0].load_state_dict(gates.levels[index].state_dict())
        maps, own = single({task: pyramid[index] for task, pyramid in pyramids.items()})
        for task in tasks:
            assert torch.equal(maps[task], features[task][index])
            assert torch.equal(own["first"][task], first[f"scale{index}"][task])


def test_gates_need_as_many_levels_from_every_task():
    channels = dict(semseg=CHANNELS, depth=4)
    with pytest.raises(ConfigError, match=r"'semseg': 3, 'depth': 1.*equally many"):
        SpatialGates(channels, dict(semseg=STRIDES, depth=None), StageHeads(TASK_HEADS))


def test_distillation_on_four_scales_trains_and_predicts():
    arrangement = dict(
        type="BranchedHead", interaction=dict(type="SpatialGates"), fusion=dict(FUSION)
    )
    network = model(arrangement, decoder=PYRAMID)
    logged = step(network, batch((64, 64), (48, 64)))
    stages = ("scale0", "scale1", "scale2", "scale3")
    losses = {f"depth/silog_{stage}" for stage in stages} | {"depth/silog"}
    assert {key for key in logged if key.startswith("depth/")} == losses
    assert set(gradients(network)) == dict(network.named_parameters()).keys()
    (result,) = predict(network, batch((50, 70)))
    assert result.pred_depth_map.shape == result.pred_sem_seg.shape == (50, 70)


class LevelsHead(SegmentationHead):
    """Takes a pyramid: the mean of a 1x1 convolution over every level."""

    def __init__(self, in_channels, **kwargs):
        super().__init__(sum(in_channels), **kwargs)

    def forward(self, features):
        size = features[0].shape[2:]
        return super().forward(torch.cat([F.interpolate(x, size) for x in features], dim=1))


class Halved(Interaction):
    """An interaction without first predictions that keeps every level."""

    def __init__(self, in_channels, strides, task_heads):
        super().__init__(in_channels, strides)

    def forward(self, features, share=None):
        return {task: tuple(x / 2 for x in each) for task, each in features.items()}, {}


@pytest.mark.parametrize(
    "arrangement",
    [
        "JointHead",
        "BranchedHead",
        dict(type="BranchedHead", interaction=dict(type=Halved)),
    ],
)
def test_a_head_that_takes_a_pyramid_gets_it(arrangement):
    heads = dict(semseg=dict(type=LevelsHead, num_classes=NUM_CLASSES))
    network = model(arrangement, decoder=PYRAMID, task_heads=heads)
    assert network.decode_head.task_heads["semseg"].predict.in_channels == 24
    step(network, batch((64, 64), (64, 64)))
    assert set(gradients(network)) == dict(network.named_parameters()).keys()


@pytest.mark.parametrize("arrangement", ["JointHead", "BranchedHead", "DistillationHead"])
def test_a_pyramid_before_a_head_of_maps_is_refused(arrangement):
    message = r"SegmentationHead takes one feature map.*pyramid.*\(6, 6, 6, 6\).*FusionDecoder"
    with pytest.raises(ConfigError, match=message):
        model(arrangement, decoder=PYRAMID)


@pytest.mark.parametrize("arrangement", ["JointHead", "BranchedHead"])
def test_nothing_to_fuse_is_refused(arrangement):
    with pytest.raises(ConfigError, match=r"one map of 8 channels already.*PyramidDecoder"):
        model(dict(type=arrangement, fusion=FUSION))
