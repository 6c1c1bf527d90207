"""A part whose type is replaced: inherited arguments fall away, those of the user do not."""

from __future__ import annotations

import pytest

from mtl_plugins.config import load_config
from mtl_plugins.errors import ConfigError
from tests.config.test_config import BRANCHED

DECODER = "model.decode_head.decoder"
OPTIMIZER = "optim_wrapper.optimizer"


@pytest.mark.parametrize(
    ("options", "key", "gone", "kept"),
    [
        ([f"{DECODER}.type=NestedDecoder"], DECODER, {"aspp_rates", "skip_stride"}, {"channels"}),
        ([f"{DECODER}=dict(type=NestedDecoder)"], DECODER, {"aspp_rates"}, {"channels"}),
        (
            ["model.decode_head=dict(decoder=dict(type=NestedDecoder))"],
            *(DECODER, {"aspp_rates"}, {"channels"}),
        ),
        (
            ["model.backbone.type=ResNetV1c", "model.backbone.depth=18"],
            *("model.backbone", {"model_name", "output_stride"}, {"depth"}),
        ),
        (
            ["param_scheduler.1.type=CosineAnnealingLR"],
            "param_scheduler.1",
            {"power"},
            {"by_epoch"},
        ),
        (["param_scheduler.0.type=StepLR"], "param_scheduler.0", {"start_factor"}, {"by_epoch"}),
        (
            ["default_hooks.panels.type=EmptyCacheHook"],
            "default_hooks.panels",
            {"num_images"},
            set(),
        ),
        (
            ["train_cfg.type=IterBasedTrainLoop", "train_cfg.max_iters=9"],
            *("train_cfg", {"max_epochs"}, {"max_iters"}),
        ),
        # A type that takes any option of TorchJD's.
        (
            ["model.balancer.type=LossBalancer", "model.balancer.scalarizer=UW"],
            *("model.balancer", {"weights"}, {"scalarizer"}),
        ),
    ],
)
def test_inherited_arguments_fall_away(options, key, gone, kept):
    node = load_config(BRANCHED, options)
    for part in key.split("."):
        node = node[int(part)] if part.isdigit() else node[part]
    assert not gone & {*node}
    assert {*kept} <= {*node}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([f"{DECODER}.type=NestedDecoder", f"{DECODER}.aspp_rates=(1,2)"], "aspp_rates.*no such"),
        ([f"{DECODER}=dict(type=NestedDecoder, aspp_rates=[1])"], "aspp_rates.*no such"),
        ([f"{OPTIMIZER}.type=SGD", f"{OPTIMIZER}.betas=(0.9,0.99)"], "betas.*no such argument"),
        ([f"{DECODER}.aspp_rate=(1,2)"], "aspp_rate.*Did you mean aspp_rates"),
    ],
)
def test_what_the_user_writes_stays_an_error(options, message):
    with pytest.raises(ConfigError, match=message):
        load_config(BRANCHED, options)


def test_a_file_replaces_a_type_of_its_base(tmp_path):
    base, child = tmp_path / "base.py", tmp_path / "child.py"
    base.write_text(
        f"_base_ = {BRANCHED!r}\n"
        "model = dict(decode_head=dict(decoder=dict(type='NestedDecoder')))\n"
        "optim_wrapper = dict(optimizer=dict(type='Adam', betas=(0.8, 0.9)))\n"
    )
    decoder = load_config(str(base)).model.decode_head.decoder
    assert (decoder.type, decoder.channels, "aspp_rates" in decoder) == ("NestedDecoder", 64, False)
    child.write_text(
        "_base_ = 'base.py'\noptim_wrapper = dict(optimizer=dict(type='SGD', momentum=0.9))\n"
    )
    optimizer = load_config(str(child)).optim_wrapper.optimizer
    assert optimizer == dict(type="SGD", momentum=0.9, lr=1e-3)
    # Over the new type, or beside it, an argument is this file's.
    child.write_text(
        "_base_ = 'base.py'\nmodel = dict(decode_head=dict(decoder=dict(skip_stride=4)))\n"
    )
    with pytest.raises(ConfigError, match="skip_stride: NestedDecoder has no such argument"):
        load_config(str(child))


def test_the_same_type_again_keeps_the_options_that_it_passes_on(tmp_path):
    base, child = tmp_path / "base.py", tmp_path / "child.py"
    balancer = "dict(_delete_=True, type='LossBalancer', scalarizer='dwa', temperature=3.0)"
    base.write_text(f"_base_ = {BRANCHED!r}\nmodel = dict(balancer={balancer})\n")
    child.write_text("_base_ = 'base.py'\nmodel = dict(balancer=dict(type='LossBalancer'))\n")
    assert load_config(str(child)).model.balancer.temperature == 3.0


def test_lists_become_the_tuples_that_a_type_insists_on():
    pipeline = "train_dataloader.dataset.pipeline"
    transforms = "[dict(type=RandomCrop, crop_size=[32,64]), dict(type=Resize, scale=[64,32])]"
    options = [f"{pipeline}={transforms}", "train_cfg.dynamic_intervals=[[1,2],[3,1]]"]
    config = load_config(BRANCHED, options)
    crop, resize = config.train_dataloader.dataset.pipeline
    assert (crop.crop_size, resize.scale) == ((32, 64), (64, 32))
    assert config.train_cfg.dynamic_intervals == [(1, 2), (3, 1)]
    # Of what takes any sequence, nothing is changed.
    rates = load_config(BRANCHED, [f"{DECODER}.aspp_rates=[1,2]"]).model.decode_head.decoder
    assert rates.aspp_rates == [1, 2]
