"""The contracts of encoders, decoders, heads and balancers, checked for every registered one.

A new class fails here until it has a case of its kind.
"""

import inspect

import pytest
import torch
from mmseg import registry as registries
from mmseg.registry import MODELS

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.balancers.torchjd_adapter import SCALARIZERS, WEIGHTINGS
from mtl_plugins.models.preprocessing.device_augmentation import flip_on_device
from mtl_plugins.models.task_heads import TaskHead, final_stage, head_config
from tests.batches import DECODER, TARGETS, TASK_HEADS, batch, model, sample, sample_of

CHANNELS, STRIDES = (8, 16, 24, 32), (4, 8, 16, 32)
PYRAMID = dict(in_channels=CHANNELS, strides=STRIDES)
BINS = dict(num_bins=4, channels=8, num_blocks=1, bins_loss=dict(type="BinsChamferLoss"))
CASES: dict[str, dict[str, dict]] = dict(
    encoder=dict(TimmEncoder=dict(model_name="test_resnet")),
    decoder=dict(
        DeepLabDecoder=dict(PYRAMID, channels=6),
        MultiScaleDecoder=dict(PYRAMID, channels=6, skip_channels=4),
        AttentionFusionDecoder=dict(PYRAMID, channels=6),
        NestedDecoder=dict(PYRAMID, channels=6, hidden_channels=4),
        TransformerSkipDecoder=dict(PYRAMID, channels=6, hidden_channels=4, num_layers=1),
        MMSegDecoder=dict(PYRAMID, head=dict(type="FCNHead", channels=6, norm_cfg=dict(type="BN"))),
    ),
    multi_task_head=dict(
        JointHead=dict(PYRAMID, decoder=DECODER, task_heads=TASK_HEADS),
        BranchedHead=dict(PYRAMID, decoder=DECODER, task_heads=TASK_HEADS),
        DistillationHead=dict(PYRAMID, decoder=DECODER, task_heads=TASK_HEADS),
    ),
    balancer=dict(
        FixedWeights=dict(tasks=list(TASK_HEADS)),
        **{
            name: dict(type="LossBalancer", scalarizer=name, tasks=list(TASK_HEADS))
            for name in SCALARIZERS
        },
        **{
            f"{name}, {level}": dict(
                type="GradientBalancer", weighting=name, level=level, tasks=list(TASK_HEADS)
            )
            for name in WEIGHTINGS
            for level in ("features", "parameters")
        },
    ),
)
CONTRACTS = ("encoders", "decoders", "task_heads", "multi_task_heads", "balancers")
"""Folders of models/ whose registered classes have a case."""
VARIANTS = dict(AttentionBinsHead=[BINS, dict(BINS, values="adabins")])
"""Arguments of a task head, beside those that follow from its target; default: none."""
OTHERS = {"TaskEncoders", "LinearCodec", "ExpCodec", "LogNormalizedCodec", "InverseCodec"}
"""Classes there with another contract: see test_distillation.py and test_depth_codecs.py."""


def registered() -> dict[str, type]:
    """Everything that mtl_plugins has put into mmseg's registries, by name."""
    found = {}
    for value in vars(registries).values():
        for name, item in getattr(value, "module_dict", {}).items():
            if item.__module__.startswith("mtl_plugins."):
                found[name] = item
    return found


def task_heads():
    """Every registered task head with every target of its types, and what it says of the others."""
    for name, item in registered().items():
        if issubclass(item, TaskHead):
            for target in TARGETS.values():
                for variant in VARIANTS.get(name, [{}]):
                    label = "-".join([name, target.name, *variant.get("values", "").split()])
                    yield label, dict(type=name, **variant), target


def learns(config, target):
    """Whether a head learns a target: its type, and only distances if it is made for these."""
    head_class = MODELS.get(config["type"])
    only_distances = getattr(head_class, "target", target).distance
    return target.type in head_class.types and (target.distance or not only_distances)


def build_task_head(config, target):
    head = MODELS.build(dict(head_config(config, target), in_channels=6))
    head.learn("task", target)
    return head


LEARNED = {label: given for label, *given in task_heads() if learns(*given)}
REFUSED = {label: given for label, *given in task_heads() if not learns(*given)}
task_head_cases = pytest.mark.parametrize(("config", "target"), LEARNED.values(), ids=LEARNED)


def cases(kind):
    return pytest.mark.parametrize("name", list(CASES[kind]))


def build(kind, name):
    return MODELS.build(dict(dict(type=name), **CASES[kind][name]))


def test_every_class_with_a_contract_has_a_case():
    listed = {config.get("type", name) for kind in CASES.values() for name, config in kind.items()}
    listed |= {config["type"] for config, _ in LEARNED.values()}
    folders = tuple(f"mtl_plugins.models.{folder}." for folder in CONTRACTS)
    found = {name for name, item in registered().items() if item.__module__.startswith(folders)}
    assert found == listed | OTHERS


@pytest.mark.parametrize("item", registered().values(), ids=list(registered()))
def test_everything_registered_is_documented(item):
    text = inspect.getdoc(item)
    first = text.split("\n\n")[0]
    assert first.rstrip().endswith((".", ":")) and len(first) < 250
    for name in inspect.signature(item).parameters:
        if name not in ("init_cfg", "norm_cfg", "train_cfg", "args", "kwargs", "non_blocking"):
            documented = (inspect.getdoc(base) or "" for base in inspect.getmro(item))
            assert any(name in doc for doc in documented), f"{item.__name__}: {name}"


def levels(grad=False):
    return [
        torch.rand(1, c, 64 // s, 64 // s, requires_grad=grad)
        for c, s in zip(CHANNELS, STRIDES, strict=True)
    ]


def assert_finite_gradients(module):
    grads = [p.grad for p in module.parameters()]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)


@cases("encoder")
def test_encoders_return_what_they_declare(name):
    encoder = build("encoder", name)
    maps = encoder(torch.rand(2, 3, 64, 64))
    declared = [
        (2, c, 64 // s, 64 // s) for c, s in zip(encoder.channels, encoder.strides, strict=True)
    ]
    assert [tuple(level.shape) for level in maps] == declared
    sum(level.square().mean() for level in maps).backward()
    assert_finite_gradients(encoder)


@cases("decoder")
def test_decoders_return_one_map_and_train_every_parameter(name):
    decoder = build("decoder", name).train()
    features = decoder(levels())
    assert features.shape[:2] == (1, decoder.out_channels)
    assert 64 % features.shape[2] == 0
    features.square().mean().backward()
    assert_finite_gradients(decoder)


BINS = dict(
    type="AttentionBinsHead", num_bins=6, channels=8, num_blocks=1, initial_depth=10.0,
    bins_loss=dict(type="BinsChamferLoss"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arrangement", "depth"),
    [
        (name, arrangement, (TASK_HEADS["depth"], BINS)[(row + column) % 2])
        for row, name in enumerate(CASES["decoder"])
        for column, arrangement in enumerate(CASES["multi_task_head"])
    ],
)
def test_decoders_arrangements_and_depth_heads_combine(name, arrangement, depth):
    decoder = {k: v for k, v in CASES["decoder"][name].items() if k not in PYRAMID}
    heads = dict(TASK_HEADS, depth=depth)
    # Its views of shared features must not be changed in place.
    balancer = dict(type="GradientBalancer", weighting="UPGrad")
    network = model(
        arrangement, decoder=dict(decoder, type=name), task_heads=heads, balancer=balancer
    ).train()
    total, _ = network.parse_losses(
        network(**network.data_preprocessor(batch((64, 64), (64, 64)), True), mode="loss")
    )
    total.backward()
    assert_finite_gradients(network)


@task_head_cases
def test_task_heads_are_finite_whatever_the_target_holds(config, target):
    head = build_task_head(config, target)
    raw = head.to_map(head(torch.rand(2, 6, 16, 16)))
    assert raw.shape == (2, head.out_channels, 16, 16)
    full, empty = sample_of([target], 64, 64), sample(64, 64, semseg=False, depth=False)
    for samples in ([full, full], [full, empty], [empty, empty]):
        losses = head.batch_losses(head(torch.rand(2, 6, 16, 16)), samples, (64, 64))
        head.zero_grad()
        sum(losses.values()).backward()
        assert all(value.shape == () and torch.isfinite(value) for value in losses.values())
        assert_finite_gradients(head)
    assert all(value.item() == 0 for value in losses.values())
    assert not any(parameter.grad.any() for parameter in head.parameters())


def loss_and_gradient(head, raw, truth):
    raw = raw.clone().requires_grad_()
    losses = head.losses_of(raw, truth)
    sum(losses.values()).backward()
    return torch.stack(list(losses.values())).detach(), raw.grad


@task_head_cases
def test_task_heads_ignore_invalid_pixels(config, target):
    """Their prediction may be anything, padding too, and has no gradient; the others have one."""
    head = build_task_head(config, target)
    # Away from 0, below which losses in metres are flat.
    raw = torch.rand(1, head.out_channels, 32, 32) + 0.1
    truth = head.stack_targets([sample_of([target], 32, 32)], raw.device)
    loss, gradient = loss_and_gradient(head, raw, truth)
    valid = torch.arange(32).expand(raw.shape) >= 2
    assert loss.isfinite().all() and (loss > 0).all()
    assert (gradient[~valid] == 0).all() and (gradient[valid] != 0).all()
    garbage = [1e30, -1e30, 0.0]
    if target.type != "classes":  # softmax has no finite gradient of these
        garbage += [float("nan"), float("inf"), -float("inf")]
    for value in garbage:
        again, moved = loss_and_gradient(head, raw.where(valid, torch.tensor(value)), truth)
        assert torch.equal(again, loss) and torch.equal(moved, gradient)
    pad = torch.nn.functional.pad
    padded = pad(raw, (0, 5, 0, 3), value=7.0), pad(truth, (0, 5, 0, 3), value=target.invalid)
    again, moved = loss_and_gradient(head, *padded)
    torch.testing.assert_close(again, loss)
    torch.testing.assert_close(moved, pad(gradient, (0, 5, 0, 3)))


@task_head_cases
def test_task_heads_decode_and_merge_views(config, target):
    head = build_task_head(config, target)
    raw = torch.rand(2, head.out_channels, 16, 16)
    prediction = head.decode(raw)
    assert prediction.shape == (2, target.channels, 16, 16)
    assert torch.isfinite(prediction.float()).all()
    assert prediction.is_floating_point() != target.integer
    assert target.known_pixels(prediction).all()
    # Some rows of a map are decoded as in the whole map.
    assert torch.equal(head.decode(raw[:, :, 3:5]), prediction[:, :, 3:5])
    # Several views that say the same are as one.
    merged = head.merged((head.mergeable(raw) + head.mergeable(raw)) / 2)
    assert torch.allclose(merged.float(), prediction.float(), rtol=1e-5)
    assert "mean" in head.merges


@task_head_cases
@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_task_heads_undo_flips(config, target, direction):
    """The prediction of a mirrored image, unflipped, is compared with the truth as before."""
    head = build_task_head(config, target)
    raw = torch.rand(1, head.out_channels, 8, 8) + 0.1
    truth = head.stack_targets([sample_of([target], 8, 8)], raw.device)
    image = torch.zeros(3, 8, 8)
    mirrored = sample_of([target], 8, 8)
    mirrored.get(target.truth).data = truth[0].clone()
    mirrored.set_metainfo(dict(device_flip=direction))
    flip_on_device([image], [mirrored])
    other = head.stack_targets([mirrored], raw.device)
    assert not torch.equal(other.nan_to_num(), truth.nan_to_num())
    flipped = head.unflip(raw, direction)
    for name, loss in head.losses_of(raw, truth).items():
        torch.testing.assert_close(head.losses_of(flipped, other)[name], loss)
    assert torch.equal(head.unflip(flipped, direction), raw)


@pytest.mark.parametrize(("config", "target"), REFUSED.values(), ids=REFUSED)
def test_task_heads_refuse_targets_of_other_types(config, target):
    of_its_type = next(g[1] for g in LEARNED.values() if g[0] == config)
    head = MODELS.build(dict(head_config(config, of_its_type), in_channels=6))
    with pytest.raises(
        ConfigError, match=f"task_heads.mine: {config['type']} learns .*{target.name}"
    ):
        head.learn("mine", target)


@cases("multi_task_head")
def test_multi_task_heads_predict_every_task(name):
    head = build("multi_task_head", name)
    raw = head(levels())
    maps = {task: each.to_map(final_stage(raw[task])) for task, each in head.tasks()}
    assert {task: value.shape[1] for task, value in maps.items()} == head.out_channels
    losses = head.batch_losses(raw, [sample(64, 64)], (64, 64))
    assert {key.split("/")[0] for key in losses} == set(TASK_HEADS)
    assert not any("loss" in key for key in losses)


@cases("balancer")
def test_balancers_give_one_scalar_with_a_gradient_for_every_task(name):
    balancer = build("balancer", name)
    features = torch.ones(1, 1, 2, 2, requires_grad=True)
    views = balancer.share([features])
    weights = {task: torch.ones(1, requires_grad=True) for task in TASK_HEADS}
    losses = {task: (weights[task] * views[task][0]).mean() for task in TASK_HEADS}
    total, logged = balancer(losses)
    assert total.shape == () and not any("loss" in key for key in logged)
    total.backward()
    assert (features.grad > 0).all() and all(weight.grad > 0 for weight in weights.values())
    assert all(torch.isfinite(value) for value in logged.values())
