"""Weights that a config names arrive, or an error says which did not."""

from __future__ import annotations

import time

import pytest
import timm
import torch
from mmseg.registry import MODELS

from mtl_plugins import build, load_config
from mtl_plugins.errors import WeightsError
from mtl_plugins.models.encoders import timm_weights
from tests.config.test_config import BRANCHED

NAME = "test_resnet"
SMALL = ["model.backbone.model_name=test_resnet", "model.decode_head.decoder.channels=8"]


@pytest.fixture(scope="module")
def theirs():
    return timm.create_model(NAME).state_dict()


def saved(folder, weights):
    torch.save(weights, folder / "w.pth")
    return str(folder / "w.pth")


def encoder(path, name=NAME, **options):
    return MODELS.build(dict(type="TimmEncoder", model_name=name, pretrained=path, **options))


def of(prefix):
    return lambda weights: {prefix + key: value for key, value in weights.items()}


FITTING = dict(
    plain=lambda weights: weights,
    in_a_checkpoint=lambda weights: dict(state_dict=weights, epoch=3),
    of_ddp=of("module."),
    with_more=lambda weights: dict(weights, more=torch.ones(3)),
    without_classifier=lambda weights: {k: v for k, v in weights.items() if "fc" not in k},
    other_classes=lambda weights: {k: v[:7] if "fc" in k else v for k, v in weights.items()},
)
STRANGE = dict(
    encoder=of("encoder."),
    backbone=of("backbone."),
    ours=of("backbone.model."),
    half=lambda weights: dict([*weights.items()][::2]),
    no_statistics=lambda weights: {k: v for k, v in weights.items() if "running" not in k},
    one_missing=lambda weights: {k: v for k, v in weights.items() if k != "layer2.0.conv1.weight"},
    one_shape=lambda weights: dict(weights, **{"layer2.0.conv1.weight": torch.ones(2, 2)}),
    empty=lambda weights: {},
    another_model=lambda weights: timm.create_model("test_vit").state_dict(),
)


@pytest.mark.parametrize("change", FITTING)
def test_what_fits_arrives(change, theirs, tmp_path, capfd):
    found = encoder(saved(tmp_path, FITTING[change](theirs))).model.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in found.items())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("change", STRANGE)
@pytest.mark.parametrize("options", [{}, dict(squeeze_excitation=True)])
def test_what_does_not_fit_is_refused(change, options, theirs, tmp_path):
    with pytest.raises(WeightsError, match=r"of \d+ weights of test_resnet are in .*w\.pth") as e:
        encoder(saved(tmp_path, STRANGE[change](theirs)), **options)
    assert len(str(e.value)) < 800


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet", "test_byobnet"])
def test_families_need_all_their_weights(name, theirs, tmp_path):
    weights = timm.create_model(name).state_dict()
    assert encoder(saved(tmp_path, weights), name)
    with pytest.raises(WeightsError, match=r"0 of|could not be loaded"):
        encoder(saved(tmp_path, theirs), name)
    used = str([*encoder(False, name).model.state_dict()]).replace("_", ".")
    key = next(k for k in weights if k.endswith("weight") and k.replace("_", ".") in used)
    del weights[key]
    with pytest.raises(WeightsError, match=rf"1 weights are missing: {key}"):
        encoder(saved(tmp_path, weights), name)


def test_parts_that_the_config_adds_may_be_random(theirs, tmp_path):
    adding = dict(model_args=dict(block_args=dict(attn_layer="se")))
    found = encoder(saved(tmp_path, theirs), **adding).model.state_dict()
    assert torch.equal(found["layer1.0.conv1.weight"], theirs["layer1.0.conv1.weight"])
    with pytest.raises(WeightsError):
        encoder(saved(tmp_path, of("x.")(theirs)), **adding)


def test_a_hub_out_of_reach_is_given_up_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(timm_weights.hub, "ENDPOINT", "https://no-such-host.invalid")
    monkeypatch.setattr(timm_weights, "getproxies", dict)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    begin = time.monotonic()
    with pytest.raises(WeightsError, match=r"hub: no-such-host\.invalid cannot be reached"):
        encoder(True)
    assert time.monotonic() - begin < 10
    assert not timm_weights.hub.HF_HUB_OFFLINE


PLACES = {
    "": "the model",
    "backbone": "backbone",
    "decode_head": "decode_head",
    "decode_head.task_heads.depth": "decode_head.task_heads.depth",
    "decode_head.decoder": "decode_head.decoders.semseg",
}


@pytest.fixture(scope="module")
def own():
    return build(load_config(BRANCHED, SMALL), pretrained=False)


@pytest.mark.parametrize("place", PLACES)
def test_every_init_cfg_is_reached(place, own, tmp_path):
    """By mmengine, for whom parts in a dict of torch are out of reach."""
    part = own.get_submodule(PLACES[place] if place else "")
    key = f"model.{place}.init_cfg".replace("..", ".")
    options = [*SMALL, f"{key}=dict(type=Pretrained,checkpoint={tmp_path}/w.pth)"]
    saved(tmp_path, dict(state_dict=part.state_dict()))
    found = build(load_config(BRANCHED, options)).get_submodule(PLACES[place] if place else "")
    weights = found.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in part.state_dict().items())
    saved(tmp_path, of("strange.")(part.state_dict()))
    with pytest.raises(WeightsError, match=rf"None of the .* weights of {PLACES[place]} is in"):
        build(load_config(BRANCHED, options))


def test_a_prefix_that_is_not_there_is_named(own, tmp_path):
    saved(tmp_path, dict(state_dict=own.state_dict()))
    cfg = "model.backbone.init_cfg=dict(type=Pretrained,checkpoint={}/w.pth,prefix={})"
    assert build(load_config(BRANCHED, [*SMALL, cfg.format(tmp_path, "backbone")]))
    with pytest.raises(WeightsError, match=r"bakbone\. is not in the pretrained model"):
        build(load_config(BRANCHED, [*SMALL, cfg.format(tmp_path, "bakbone")]))


INIT = 'init_cfg=dict(type=Pretrained,checkpoint="{}")'
MMSEG = (
    "type=ResNetV1c,depth=18,pretrained={}",
    "type=ResNetV1c,depth=18," + INIT,
    "type=SwinTransformer,depths=[1,1,1,1],embed_dims=12,num_heads=[1,1,1,1]," + INIT,
    "type=MixVisionTransformer,embed_dims=8,num_layers=[1,1,1,1]," + INIT,
    "type=MobileNetV2,out_indices=[1,2,4,6]," + INIT,
)


@pytest.mark.parametrize("backbone", MMSEG)
def test_backbones_of_mmseg_too(backbone, theirs, tmp_path, capsys):
    option = f"model.backbone=dict(_delete_=True,{backbone.format(saved(tmp_path, theirs))})"
    with pytest.raises(WeightsError, match=r"None of the .* weights of backbone is in"):
        build(load_config(BRANCHED, [SMALL[1], option]))
    whole = build(load_config(BRANCHED, [SMALL[1], option]), pretrained=False).backbone.state_dict()
    saved(tmp_path, whole)
    found = build(load_config(BRANCHED, [SMALL[1], option])).backbone.state_dict()
    assert all(torch.equal(found[key], value) for key, value in whole.items())
