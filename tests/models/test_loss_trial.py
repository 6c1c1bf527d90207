"""Losses are tried when a head is built: what passes trains rightly, what does not is refused."""

import math
import re

import pytest
import torch
from dev.foreign_parts import LOSSES, WEIGHTS
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from torch import nn
from torch.nn import functional as F

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.task_heads import INSTEAD, USUAL, SegmentationHead, TaskHead, try_losses_of
from mtl_plugins.targets import SEMSEG, TYPES, Target
from tests.batches import TARGETS, model

register_all_modules(init_default_scope=False)
FITTING = [
    ("CrossEntropyLoss", {}),
    ("CrossEntropyLoss", dict(avg_non_ignore=True)),
    ("CrossEntropyLoss", dict(use_sigmoid=True)),
    ("CrossEntropyLoss", dict(reduction="sum")),
    ("TverskyLoss", {}),
    ("TverskyLoss", WEIGHTS),
]
"""The losses of mmseg with which classes can be trained, in their forms."""
HEADS = dict(
    classes=dict(type="SegmentationHead", num_classes=3),
    binary=dict(type="BinaryHead"),
    scalar=dict(type="ScalarHead"),
    distance=dict(type="DepthHead"),
    bins=dict(type="AttentionBinsHead", channels=8, num_blocks=1),
    direction=dict(type="NormalsHead"),
    offset=dict(type="OffsetHead"),
)
SPACES = dict(classes=None, binary="binary", scalar="depth", distance="depth", bins="depth",
              direction="normals", offset="offset")  # fmt: skip


def build(kind, loss):
    return MODELS.build(dict(HEADS[kind], in_channels=4, loss=loss))


def test_every_loss_of_mmseg_is_tried():
    found = {
        n for n, c in MODELS.module_dict.items() if c.__module__.startswith("mmseg.models.losses")
    }
    assert found - {"Accuracy"} == {name for name, _ in LOSSES}


@pytest.mark.parametrize(("name", "arguments"), LOSSES, ids=str)
def test_a_loss_of_mmseg_trains_rightly_or_is_refused(name, arguments):
    loss = dict(arguments, type=name)
    if (name, arguments) not in FITTING:
        with pytest.raises(ConfigError, match=name) as caught:
            build("classes", loss)
        suggested = re.search(r"Use .*?(\w+Loss)", str(caught.value))[1]
        kind = "binary" if suggested == "BinaryCrossEntropyLoss" else "classes"
        build(kind, dict(type=suggested))
        return
    head = build("classes", loss)
    logits = torch.randn(2, 3, 5, 6, requires_grad=True)
    label = torch.randint(0, 3, (2, 1, 5, 6))
    label[:, :, :2] = 255
    [value] = head.losses_of(logits, label).values()
    value.backward()
    assert (
        math.isfinite(value.item())
        and logits.grad[:, :, 2:].any()
        and not logits.grad[:, :, :2].any()
    )
    [nothing] = head.losses_of(logits, torch.full_like(label, 255)).values()
    assert nothing == 0 and nothing.requires_grad


def test_every_alternative_exists():
    for suggested in (*INSTEAD.values(), *USUAL.values()):
        for name in re.findall(r"\w+Loss", suggested):
            assert MODELS.get(name).__module__.startswith("mtl_plugins.")
    assert {*USUAL} == {*TYPES, "distance"}


class Faulty(nn.Module):
    """A mean of squares, wrong in one way; called as losses of every type are."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def forward(self, raw, truth, valid=None, ignore_index=255):
        if valid is None:
            valid = (truth != ignore_index)[:, None]
        error = raw.where(valid, raw.new_zeros(())).square()
        total, count = error.sum(), valid.sum()
        match self.fault:
            case "fails":
                raise IndexError("out of range")
            case "nan":
                return total / count
            case "one":
                return total / count.clamp(min=1) + 1
            case "map":
                return error
            case "all":
                return raw.square().mean()
            case "no graph":
                return total / count.clamp(min=1) if count else torch.zeros(())
            case "infinite":
                return (raw - raw.detach()).where(valid, 0.0).abs().sqrt().sum()
        return total / count.clamp(min=1)


FAULTS = {
    "fails": "fails .IndexError: out of range",
    "nan": "is nan if none of the pixels",
    "one": "is 1 instead of 0",
    "map": "instead of one number",
    # Heads of depth hide what is invalid.
    "all": "has a gradient at pixels without truth|is 1 instead of 0",
    "no graph": "has no gradient, not even one of 0",
    "infinite": "has a gradient that is not finite",
}


@pytest.fixture
def faulty():
    MODELS.register_module(name="Faulty", module=Faulty, force=True)
    yield
    MODELS.module_dict.pop("Faulty")


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("fault", [*FAULTS, None])
def test_a_loss_of_yours_is_tried_in_every_head(kind, fault, faulty, monkeypatch):
    monkeypatch.setattr(Faulty, "space", SPACES[kind], raising=False)
    if fault is None:
        assert "faulty" in build(kind, dict(type="Faulty", fault=None)).loss_functions
        return
    with pytest.raises(ConfigError, match=FAULTS[fault]) as caught:
        build(kind, [dict(type="Faulty", fault=None), dict(type="Faulty", fault=fault)])
    assert type(build(kind, None)).__name__ in str(caught.value) and "Use " in str(caught.value)


def test_losses_of_bins_and_of_stages_are_tried(faulty, monkeypatch):
    bins = dict(HEADS["bins"], in_channels=4)
    MODELS.build(dict(bins, bins_loss=dict(type="BinsChamferLoss")))
    with pytest.raises(ConfigError, match="the loss DiceLoss fails"):
        MODELS.build(dict(bins, bins_loss=dict(type="DiceLoss")))
    head = dict(type="BranchedHead", interaction=dict(type="SpatialGates"))
    with pytest.raises(ConfigError, match=r"DiceLoss.*Use MaskedDiceLoss"):
        model(dict(head, stages=dict(first=dict(loss=dict(semseg=dict(type="DiceLoss"))))))


@pytest.mark.parametrize("kind", ["scalar", "distance", "bins"])
def test_losses_of_gradients_go_beside_one_of_the_value(kind):
    added = [dict(type="GradientMatchingLoss"), dict(type="GradientL1Loss", space="raw")]
    if kind != "scalar":
        added.append(dict(type="GradientMatchingLoss", space="log", average="images"))
    names = [*build(kind, [dict(type="MaskedL1Loss"), *added]).loss_functions]
    assert names == ["l1", "gradient", "gradient_l1", "gradient_x2"][: 1 + len(added)]
    if kind == "scalar":
        with pytest.raises(ConfigError, match="GradientMatchingLoss is no loss for it"):
            build(kind, dict(type="GradientMatchingLoss", space="log"))


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_without_a_loss_is_refused(kind):
    with pytest.raises(ConfigError, match=r"loss=\[\]; expected at least one"):
        build(kind, [])


@pytest.mark.parametrize("loss", ["MaskedCrossEntropyLoss", 3, [None], {}, dict(gamma=2)])
def test_what_is_no_config_of_a_loss_is_refused(loss):
    with pytest.raises(ConfigError, match=r"loss=.*expected dict\(type=\.\.\., \.\.\.\)"):
        build("classes", loss)


def test_a_trial_changes_neither_random_numbers_nor_the_statistics_of_a_loss(faulty, monkeypatch):
    def forward(self, raw, truth, ignore_index=255):
        self.calls = getattr(self, "calls", 0) + 1
        torch.rand(3)
        return F.cross_entropy(raw, truth, ignore_index=ignore_index, reduction="sum")

    monkeypatch.setattr(Faulty, "forward", forward)
    torch.manual_seed(3)
    head = build("classes", dict(type="Faulty", fault=None))
    after = torch.rand(1)
    torch.manual_seed(3)
    nn.Conv2d(4, 3, 1)
    with torch.no_grad():
        head.init_weights()
    torch.manual_seed(3)
    build("classes", dict(type="MaskedCrossEntropyLoss"))
    assert torch.rand(1) == after and not hasattr(head.loss_functions["faulty"], "calls")


def test_a_built_model_is_tried_again_for_its_own_targets(faulty, monkeypatch):
    network = model()
    try_losses_of(network)
    network.decode_head.task_heads["depth"].loss_functions["l1"] = Faulty("nan")
    monkeypatch.setattr(Faulty, "space", "depth", raising=False)
    with pytest.raises(ConfigError, match="DepthHead: the loss Faulty is nan"):
        try_losses_of(network)


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_the_usual_losses_pass_for_every_target(target):
    config = dict(HEADS[target.form], in_channels=4)
    if target.type == "classes":
        config["num_classes"] = target.num_classes
    for name in re.findall(r"\w+Loss", USUAL[target.form]):
        head = MODELS.build(dict(config, loss=dict(type=name)))
        head.learn(target.name, target)
        try_losses_of(head)


def test_a_head_that_fails_before_its_losses_may_predict():
    class Predicting(SegmentationHead):
        def losses_of(self, raw, truth):
            raise NotImplementedError("for prediction alone")

    assert Predicting(4, 3).decode(torch.zeros(1, 3, 2, 2)).shape == (1, 1, 2, 2)


def test_heads_on_no_device_are_not_tried():
    with torch.device("meta"):
        assert build("classes", None).predict.weight.is_meta


def test_a_head_that_names_no_type_is_built_as_before():
    class Untyped(TaskHead):
        def losses_of(self, raw, truth):
            raise AssertionError

        decode = losses_of

    assert Untyped(4, 2, dict(type="MaskedL1Loss")).types == ()
    assert SegmentationHead(4, 3).target is SEMSEG and Target("trial", "binary").num_classes == 2
