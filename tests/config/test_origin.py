"""Configs of mmseg, of mmseg 0.x and of other packages: each is refused in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import mmseg
import pytest

from mtl_plugins.config import load_config
from mtl_plugins.errors import ConfigError
from mtl_plugins.install import package_lookup
from tests.commands import call
from tests.config.test_config import BRANCHED

CONFIGS = Path(mmseg.__file__).parent / ".mim" / "configs"
WHOLE = {
    "EncoderDecoder": "fcn/fcn_r18-d8_4xb2-80k_cityscapes-512x1024.py",
    "CascadeEncoderDecoder": "ocrnet/ocrnet_hr18_4xb2-40k_cityscapes-512x1024.py",
    "DepthEstimator": "vpd/vpd_sd_4xb8-25k_nyu-512x512.py",
    "MultimodalEncoderDecoder": "san/san-vit-b16_coco-stuff164k-640x640.py",
}
RECIPE = """
_base_ = "mmseg::{}"
runner = None
model = dict(
    _delete_=True,
    type="MultiTaskSegmentor",
    backbone={{{{_base_.model.backbone}}}},
    decode_head=dict(
        type="JointHead",
        decoder=dict(type="MMSegDecoder", head={{{{_base_.model.decode_head}}}}),
        task_heads=dict(semseg=dict(type="SegmentationHead", num_classes=19)),
    ),
)
"""


def written(folder, text):
    path = folder / "a.py"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_configs_of_mmseg_are_refused_with_the_way_to_use_them(kind):
    with pytest.raises(ConfigError, match=f"model.type='{kind}' is a network of mmseg.*tutorials"):
        load_config(CONFIGS / WHOLE[kind])


def test_so_are_those_that_import_their_types(tmp_path):
    text = "from mmseg.models import EncoderDecoder\nmodel = dict(type=EncoderDecoder)\n"
    with pytest.raises(ConfigError, match="EncoderDecoder' is a network of mmseg"):
        load_config(written(tmp_path, text))


@pytest.mark.parametrize("tool", ["train.py", "print_config.py", "cost.py", "check_data.py"])
def test_commands_say_it_without_a_traceback(tool, tmp_path):
    result = call(tool, CONFIGS / WHOLE["EncoderDecoder"], check=False, cwd=tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert result.stderr.strip().startswith("error: model.type='EncoderDecoder'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runner = dict(type='IterBasedRunner', max_iters=4)", "runner is now train_cfg"),
        ("data = dict(samples_per_gpu=2)", "data.samples_per_gpu is now train_dataloader.batch"),
        ("lr_config = dict(policy='poly')", "lr_config is now param_scheduler"),
        (
            "evaluation = dict(interval=1, metric='mIoU')",
            "evaluation.interval is now train_cfg.val_interval, evaluation.metric is now",
        ),
    ],
)
def test_keys_of_mmseg_0_are_refused_with_what_replaces_them(text, message, tmp_path):
    with pytest.raises(ConfigError, match=f"keys of mmseg 0.x.*{message}"):
        load_config(written(tmp_path, f"_base_ = {BRANCHED!r}\n{text}\n"))


def test_variables_with_such_names_are_not(tmp_path):
    text = "data = dict(type='MultiTaskDataset')\noptimizer = dict(type='Adam', lr=1e-3)\n"
    load_config(written(tmp_path, text + "total_iters = 4\nrunner = None\n"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model.backbone.type=mmpretrain.ConvNeXt", "package mmpretrain, which is not installed"),
        ("model.backbone.type=mmseg.TimmEncodr", r"mmseg has no such class. Did you mean TimmEnc"),
        (
            "optim_wrapper.optimizer.type=torch.optim.SDG",
            "torch has no such class. Did",
        ),
    ],
)
def test_types_behind_a_scope_or_path_must_be_there(option, message):
    with pytest.raises(ConfigError, match=message):
        load_config(BRANCHED, [option])
    assert load_config(BRANCHED, ["model.backbone.type=mmseg.TimmEncoder"])


def test_a_missing_module_is_named_without_the_path_of_python(tmp_path):
    text = "custom_imports = dict(imports=['mmpretrain.models'], allow_failed_imports=False)\n"
    with pytest.raises(ConfigError, match="imports mmpretrain, which Python") as error:
        load_config(written(tmp_path, text))
    assert str(sys.path[-1]) not in str(error.value)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py", "Mask2FormerHead cannot"),
        ("knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512.py", "kernel_generate_head"),
        ("ocrnet/ocrnet_hr18_4xb2-40k_cityscapes-512x1024.py", "cascade"),
        ("vpd/vpd_sd_4xb8-25k_nyu-512x512.py", "VPDDepthHead cannot"),
        ("san/san-vit-b16_coco-stuff164k-640x640.py", "the base has no such key"),
    ],
)
def test_recipes_of_other_heads_are_refused_before_anything_is_built(base, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, RECIPE.format(base)))


@pytest.mark.parametrize(
    "base",
    [
        "swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py",
        "segnext/segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512.py",
        "mobilenet_v3/mobilenet-v3-d8_lraspp_4xb4-320k_cityscapes-512x1024.py",
        "cgnet/cgnet_fcn_4xb4-60k_cityscapes-680x680.py",
    ],
)
def test_what_mmsegs_configs_hold_besides_is_not_refused(base, tmp_path):
    assert load_config(written(tmp_path, RECIPE.format(base))).model.type == "MultiTaskSegmentor"


def test_packages_are_found_without_pkg_resources():
    with package_lookup():
        from mmengine.utils import get_installed_path, is_installed

        assert is_installed("mmsegmentation") and not is_installed("no_such_package")
        assert get_installed_path("mmsegmentation") == str(Path(mmseg.__file__).parent)
    if "pkg_resources" in sys.modules:  # the real one
        assert sys.modules["pkg_resources"].__file__
