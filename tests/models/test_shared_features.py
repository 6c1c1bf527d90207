"""The node of the balancer lies behind the last shared features, in every arrangement."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.balancers.gradients import share_features
from mtl_plugins.models.layers import shared_views
from tests.batches import batch, gradients, model

TASKS = ("semseg", "depth")
GATES = dict(type="SpatialGates")


class Stitched(nn.Module):
    """Encode each task by layers of its own, which mix with the other task's twice.

    After Misra et al., *Cross-stitch Networks for Multi-task Learning*, 2016.
    """

    channels, strides = dict.fromkeys(TASKS, (8, 8)), dict.fromkeys(TASKS, (4, 8))
    shares_inside = True

    def __init__(self):
        super().__init__()
        self.stem = nn.ModuleDict({task: nn.Conv2d(3, 8, 4, stride=4) for task in TASKS})
        self.body = nn.ModuleDict({task: nn.Conv2d(8, 8, 2, stride=2) for task in TASKS})
        self.first, self.second = (
            nn.ParameterDict({task: nn.Parameter(torch.rand(2, 8, 1, 1)) for task in TASKS})
            for _ in range(2)
        )

    def forward(self, images, share=None):
        stem = [self.stem[task](images).relu() for task in TASKS]
        mixed = {t: sum(w * x for w, x in zip(self.first[t], stem, strict=True)) for t in TASKS}
        body = {task: (mixed[task], self.body[task](mixed[task]).relu()) for task in TASKS}
        views = shared_views(body, share)
        result = {}
        for task in TASKS:
            deep = [views[task][source][1] for source in TASKS]
            stitched = sum(w * x for w, x in zip(self.second[task], deep, strict=True))
            result[task] = views[task][task][0], stitched
        return result


SHARED_ENCODER = dict(type="TimmEncoder", model_name="test_resnet")
OWN_ENCODERS = dict(type="TaskEncoders", encoder=SHARED_ENCODER, tasks=dict(semseg={}, depth={}))
PYRAMID = dict(type="PyramidDecoder", channels=6, top_down=True)
FUSION = dict(type="FusionDecoder", channels=8)
DECODERS = dict(
    map=dict(decoder=None, fusion=None),
    pyramid=dict(decoder=PYRAMID, fusion=FUSION),
    levels=dict(decoder=dict(type="PyramidDecoder"), fusion=FUSION),
)
ENCODERS = dict(shared=SHARED_ENCODER, own=OWN_ENCODERS, stitched=dict(type=Stitched))
MAPS = {
    # Encoder, arrangement, decoder: maps that the tasks share last.
    ("shared", "JointHead", "map"): 1,
    ("shared", "JointHead", "pyramid"): 1,
    ("shared", "BranchedHead", "map"): 4,
    ("shared", "BranchedHead", "pyramid"): 4,
    ("shared", "SpatialGates", "map"): 2,
    ("shared", "SpatialGates", "pyramid"): 8,
    # The decoders pass on the encoder's levels, which all tasks hold.
    ("shared", "SpatialGates", "levels"): 4,
    ("shared", "DistillationHead", "map"): 2,
    ("own", "SpatialGates", "map"): 2,
    ("own", "SpatialGates", "levels"): 8,
    ("stitched", "BranchedHead", "map"): 4,
    ("stitched", "SpatialGates", "map"): 2,
    ("stitched", "SpatialGates", "pyramid"): 4,
}
CASES = pytest.mark.parametrize("case", list(MAPS), ids="-".join)


def network(case, balancer=None):
    encoder, arrangement, decoder = case
    head = dict(type=arrangement)
    if arrangement == "SpatialGates":
        head = dict(type="BranchedHead", interaction=GATES)
    if DECODERS[decoder]["fusion"]:
        head["fusion"] = FUSION
    torch.manual_seed(0)
    chosen = DECODERS[decoder]["decoder"]
    return model(head, backbone=ENCODERS[encoder], decoder=chosen, balancer=balancer).train()


def task_losses(net, data):
    losses = net(**net.data_preprocessor(deepcopy(data), True), mode="loss")
    return {
        task: sum(value for key, value in losses.items() if key.startswith(task)) for task in TASKS
    }


@CASES
def test_the_node_receives_each_tasks_gradient_of_the_shared_maps(case):
    data = batch((64, 64), (64, 64))
    plain, found = [], []

    def remember(maps):
        assert not plain  # called once
        # Views, because a level of the encoder also leads to the deeper ones.
        plain.extend(each.view_as(each) for each in maps)
        return dict.fromkeys(TASKS, tuple(plain))

    net = network(case)
    net.balancer.share = remember
    losses = task_losses(net, data)
    expected = [
        torch.autograd.grad(losses[task], plain, retain_graph=True, allow_unused=True)
        for task in TASKS
    ]
    assert len(plain) == MAPS[case]
    assert all(any(g is not None and g.any() for g in each) for each in expected)

    def weigh(gradients):
        found.extend(gradients)
        return [1.0] * len(TASKS)

    net = network(case)
    net.balancer.share = lambda maps: share_features(weigh, TASKS, maps)
    sum(task_losses(net, data).values()).backward()
    for each, other in zip(found, expected, strict=True):
        for gradient, alone in zip(each, other, strict=True):
            none = torch.zeros(())
            torch.testing.assert_close(
                none if gradient is None else gradient,
                none if alone is None else alone,
                rtol=1e-4,
                atol=1e-7,
            )


@CASES
@pytest.mark.parametrize("level", ["features", "parameters"])
def test_shared_parameters_get_the_weighted_sum_and_others_their_own(case, level):
    data = batch((64, 64), (64, 64))
    own = {}
    for task in TASKS:
        net = network(case)
        task_losses(net, data)[task].backward()
        own[task] = gradients(net)
    balancer = dict(type="GradientBalancer", weighting="AlignedMTL", level=level)
    net = network(case, balancer)
    losses = net(**net.data_preprocessor(deepcopy(data), True), mode="loss")
    total, log = net.parse_losses(losses)
    total.backward()
    found = gradients(net)
    weights = {task: log[f"balance/weight_{task}"].item() for task in TASKS}
    assert len({round(weight, 3) for weight in weights.values()} | {1.0}) == 3
    assert set(found) == dict(net.named_parameters()).keys()
    shared = 0
    for name, gradient in found.items():
        parts = {t: own[t][name] for t in TASKS if name in own[t] and own[t][name].any()}
        shared += len(parts) > 1
        parts = [(weights[t] if len(parts) > 1 else 1.0) * part for t, part in parts.items()]
        expected = sum(parts) if parts else torch.zeros_like(gradient)
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5, msg=name)
    assert 0 < shared < len(found)


def test_tasks_with_encoders_of_their_own_share_nothing():
    net = network(("own", "BranchedHead", "map"), dict(type="GradientBalancer", weighting="UPGrad"))
    losses = net(**net.data_preprocessor(batch((64, 64), (64, 64)), True), mode="loss")
    with pytest.raises(ConfigError, match="share no features"):
        net.parse_losses(losses)


def test_an_encoder_that_shares_inside_works_without_a_gradient_balancer():
    net = network(("stitched", "BranchedHead", "map"))
    total, _ = net.parse_losses(
        net(**net.data_preprocessor(batch((64, 64), (48, 64)), True), mode="loss")
    )
    total.backward()
    assert set(gradients(net)) == dict(net.named_parameters()).keys()
