"""Every decoder in every arrangement, with every interaction, before heads of every type."""

from contextlib import suppress
from itertools import product

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mtl_plugins.config.check import check_config
from mtl_plugins.errors import ConfigError
from tests.batches import TARGETS, batch, predict, sample_of
from tests.models.test_registry import CASES, LEARNED, PYRAMID, assert_finite_gradients

FUSIONS = (None, dict(type="FusionDecoder"))


def variants():
    """Return `{target: configs of the registered heads that learn it}`, one target of each form."""
    first = {(t.type, t.distance): t.name for t in reversed(TARGETS.values())}.values()
    found = {name: [] for name in first}
    for config, target in LEARNED.values():
        if target.name in found:
            declared = dict(target.to_dict(), name=target.name)
            found[target.name].append(dict(config, target=declared))
    return found


def combinations():
    """Yield each combination; targets with several heads take turns."""
    interactions = [None, *(dict(case, type=n) for n, case in CASES["interaction"].items())]
    parts = product(CASES["decoder"], CASES["multi_task_head"], interactions, FUSIONS)
    for turn, (decoder, arrangement, interaction, fusion) in enumerate(parts):
        heads = {name: heads[turn // 2 % len(heads)] for name, heads in variants().items()}
        options = dict(interaction=interaction, fusion=fusion)
        given = {key: value for key, value in options.items() if value is not None}
        yield pytest.param(
            decoder, arrangement, given, heads, id="-".join([decoder, arrangement, *given])
        )


def config_of(decoder, arrangement, options, heads):
    own = {k: v for k, v in CASES["decoder"][decoder].items() if k not in PYRAMID}
    head = dict(type=arrangement, decoder=dict(own, type=decoder), task_heads=heads, **options)
    return dict(
        type="MultiTaskSegmentor",
        data_preprocessor=dict(type="MultiTaskDataPreprocessor"),
        backbone=dict(type="TimmEncoder", model_name="test_resnet"),
        decode_head=head,
        # Its views of shared features must not be changed in place.
        balancer=dict(type="GradientBalancer", weighting="UPGrad"),
    )


@pytest.mark.parametrize(("decoder", "arrangement", "options", "heads"), list(combinations()))
def test_parts_combine_or_are_refused_in_a_sentence(decoder, arrangement, options, heads):
    config = config_of(decoder, arrangement, options, heads)
    returned = MODELS.build(dict(CASES["decoder"][decoder], type=decoder)).out_channels
    accepted = all(has_option(arrangement, each) for each in options)
    if not accepted or isinstance(returned, tuple) != ("fusion" in options):
        with pytest.raises(ConfigError) as refused:
            check_config(Config(dict(model=config)))
            MODELS.build(config)
        text = str(refused.value)
        assert text.rstrip().endswith((".", "?")) and "\n" not in text and len(text) < 300
        return
    check_config(Config(dict(model=config)))
    network = MODELS.build(config).train()
    data = batch((64, 64), (64, 64))
    targets = [*network.decode_head.targets().values()]
    data["data_samples"] = [sample_of(targets, 64, 64) for _ in data["data_samples"]]
    losses = network(**network.data_preprocessor(data, True), mode="loss")
    total, _ = network.parse_losses(losses)
    total.backward()
    # DDP stops at a parameter without gradient.
    assert_finite_gradients(network)
    (result,) = predict(network, batch((50, 70)))
    for _, head in network.decode_head.tasks():
        found = result.get(head.target.prediction).data
        assert found.shape == (head.target.channels, 50, 70) and torch.isfinite(found.float()).all()


def has_option(arrangement, name):
    """Ask the check of configs whether an arrangement has an option."""
    try:
        check_config(Config(dict(head={"type": arrangement, name: None})))
    except ConfigError:
        return False
    return True


def test_every_part_is_in_a_combination_that_works():
    used = set()
    for each in combinations():
        decoder, arrangement, options, heads = each.values
        parts = {decoder, arrangement, *(option["type"] for option in options.values())}
        parts |= {head["type"] for head in heads.values()}
        if not parts <= used:
            with suppress(ConfigError, TypeError):
                MODELS.build(config_of(decoder, arrangement, options, heads))
                used |= parts
    kinds = ("decoder", "multi_task_head", "interaction")
    names = {case.get("type", name) for kind in kinds for name, case in CASES[kind].items()}
    assert used == names | {config["type"] for config, _ in LEARNED.values()}
