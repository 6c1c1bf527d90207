"""Task heads and multi-task heads."""

import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from tests.batches import NUM_CLASSES, TASK_HEADS, batch, model, sample, step


def test_joint_is_one_convolution_split_by_task():
    network = model("JointHead").eval()
    head = network.decode_head
    levels = network.extract_feat(torch.rand(1, 3, 64, 64))
    with torch.no_grad():
        raw = head(levels)
        weights = torch.cat([h.predict.weight for _, h in head.tasks()])
        biases = torch.cat([h.predict.bias for _, h in head.tasks()])
        together = torch.nn.functional.conv2d(head.decoder(levels), weights, biases)
    assert together.shape[1] == NUM_CLASSES + 1
    parts = together.split([NUM_CLASSES, 1], dim=1)
    for part, task in zip(parts, TASK_HEADS, strict=True):
        assert torch.allclose(part, raw[task], atol=1e-6)


@pytest.mark.parametrize(("head", "shared"), [("JointHead", True), ("BranchedHead", False)])
def test_which_parameters_a_task_trains(head, shared):
    network = model(head).train()
    data = network.data_preprocessor(batch((64, 64), (64, 64)), True)
    losses = network(**data, mode="loss")
    losses["depth/silog"].backward()
    touched = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith("backbone") for name in touched)
    assert not any("task_heads.semseg" in name for name in touched)
    assert any("decoder." in name for name in touched) == shared
    assert not any("decoders.semseg" in name for name in touched)


def test_a_task_can_have_a_decoder_of_its_own():
    config = dict(
        type="BranchedHead",
        in_channels=(8, 16),
        strides=(4, 16),
        decoder=dict(type="DeepLabDecoder", channels=4, aspp_rates=(6, 12)),
        task_heads=TASK_HEADS,
        task_decoders=dict(depth=dict(aspp_rates=(1, 2, 3), num_convs=3)),
    )
    head = MODELS.build(config)
    branches = {task: len(d.context.branches) for task, d in head.decoders.items()}
    assert branches == dict(semseg=3, depth=4)
    with pytest.raises(ValueError, match=r"\['normals'\], but the tasks are"):
        MODELS.build(dict(config, task_decoders=dict(normals={})))


def test_initial_depth_is_what_an_untrained_head_predicts():
    for codec in (
        dict(type="ExpCodec"),
        dict(type="LinearCodec", scale=10.0),
        dict(type="LogNormalizedCodec", log_mean=2.0, log_std=0.5),
        dict(type="InverseCodec"),
    ):
        head = MODELS.build(dict(type="DepthHead", in_channels=4, codec=codec, initial_depth=12.0))
        depth = head.decode(head(torch.zeros(1, 4, 2, 2)))
        assert torch.allclose(depth, torch.tensor(12.0), rtol=1e-4)


def test_raw_space_losses_compare_codec_values():
    codec = dict(type="LogNormalizedCodec", log_mean=2.0, log_std=0.5)
    head = MODELS.build(
        dict(
            type="DepthHead",
            in_channels=4,
            codec=codec,
            loss=[dict(type="MaskedL1Loss", space="raw"), dict(type="MaskedL2Loss")],
        )
    )
    truth = torch.tensor([[[[torch.e**3, 0.0]]]])
    losses = head.losses_of(torch.zeros(1, 1, 1, 2), truth)
    assert losses["l1"].item() == pytest.approx((3 - 2) / 0.5, rel=1e-5)
    assert losses["l2"].item() == pytest.approx((torch.e**3 - torch.e**2) ** 2, rel=1e-4)


def test_several_losses_of_a_task_are_added():
    heads = dict(
        TASK_HEADS,
        depth=dict(type="DepthHead", loss=[dict(type="SILogLoss"), dict(type="MaskedL1Loss")]),
    )
    network = MODELS.build(
        dict(
            type="MultiTaskSegmentor",
            data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
            backbone=dict(type="TimmEncoder", model_name="test_resnet"),
            decode_head=dict(
                type="JointHead", decoder=dict(type="DeepLabDecoder", channels=8), task_heads=heads
            ),
            balancer=dict(type="FixedWeights", weights=dict(semseg=2.0, depth=0.5)),
        )
    )
    logged = step(network, batch((64, 64), (64, 64)))
    assert set(logged) == {"loss", "semseg/ce", "depth/silog", "depth/l1"}
    expected = 2 * logged["semseg/ce"] + 0.5 * (logged["depth/silog"] + logged["depth/l1"])
    assert logged["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_several_segmentation_losses_can_be_used():
    head = MODELS.build(
        dict(
            type="SegmentationHead",
            in_channels=4,
            num_classes=3,
            loss=[
                dict(type="CrossEntropyLoss", avg_non_ignore=True),
                dict(type="TverskyLoss"),
                dict(type="MaskedDiceLoss"),
            ],
        )
    )
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    truth = torch.randint(0, 3, (2, 1, 4, 4))
    truth[:, :, 0] = 255
    losses = head.losses_of(logits, truth)
    assert set(losses) == {"ce", "tversky", "dice"}
    sum(losses.values()).backward()
    assert torch.isfinite(logits.grad).all() and not logits.grad[:, :, 0].any()


@pytest.mark.parametrize("missing", list(TASK_HEADS))
def test_samples_without_a_target_train_the_other_task(missing):
    network = model()
    data = batch((64, 64), (64, 64), **{missing: False})
    logged = step(network, data)
    other = next(task for task in TASK_HEADS if task != missing)
    values = {task: next(v for k, v in logged.items() if k.startswith(task)) for task in TASK_HEADS}
    assert values[missing].item() == 0 and values[other].item() > 0
    # With a graph, so that distributed training sees a gradient for every parameter.
    assert all(p.grad is not None for p in network.decode_head.task_heads[missing].parameters())
    assert not any(p.grad.any() for p in network.decode_head.task_heads[missing].parameters())


def test_a_sample_without_a_target_changes_nothing_for_the_others():
    head = MODELS.build(dict(type="DepthHead", in_channels=4))
    raw = torch.randn(2, 1, 8, 8)
    full, empty = sample(8, 8), sample(8, 8, depth=False)
    alone = head.batch_losses(raw[:1], [full], (8, 8))["silog"]
    both = head.batch_losses(raw, [full, empty], (8, 8))["silog"]
    assert both.item() == pytest.approx(alone.item(), rel=1e-6)


def test_predictions_have_the_units_of_the_contract():
    head = MODELS.build(dict(type="DepthHead", in_channels=4))
    metres = head.decode(torch.full((1, 1, 4, 4), 2.0))
    assert torch.allclose(metres, torch.tensor(2.0).exp())


def test_fixed_weights_are_checked():
    with pytest.raises(ValueError, match="each >= 0"):
        MODELS.build(dict(type="FixedWeights", weights=dict(semseg=-1.0)))
    with pytest.raises(ValueError, match="dpeth"):
        model(balancer=dict(type="FixedWeights", weights=dict(semseg=1.0, dpeth=1.0)))
    with pytest.raises(ConfigError, match=r"such as balancer=dict\(weights=dict\(depth=1\.0\)\)"):
        model(balancer=dict(type="FixedWeights", weights=dict(semseg=1.0)))


def test_two_losses_of_one_kind_both_count():
    head = MODELS.build(
        dict(
            type="DepthHead",
            in_channels=4,
            loss=[dict(type="MaskedL1Loss"), dict(type="MaskedL1Loss", space="raw")],
        )
    )
    losses = head.losses_of(torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), 20.0))
    assert losses["l1"].item() == pytest.approx(19)
    assert losses["l1_x2"].item() == pytest.approx(torch.tensor(20.0).log().item())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(type="DepthHead", loss=dict(type="SiLogLoss")), "SiLogLoss is no depth loss"),
        (
            dict(type="SegmentationHead", num_classes=3, loss=dict(type="OhemCrossEntropy")),
            "OhemCrossEntropy has no gradient.*Use MaskedOHEMLoss",
        ),
        *(
            (
                dict(
                    type="SegmentationHead",
                    num_classes=3,
                    loss=dict(type=loss, class_weight=[1.0, 2.0]),
                ),
                f"class_weight of {loss} has 2 numbers for 3 classes",
            )
            for loss in ("CrossEntropyLoss", "MaskedCrossEntropyLoss")
        ),
    ],
)
def test_losses_that_do_not_fit_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        MODELS.build(dict(config, in_channels=4))
