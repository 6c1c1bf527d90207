"""Each tutorial runs from top to bottom: its files, commands and Python."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import sys

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import HOOKS, METRICS, MODELS, VISBACKENDS
from PIL import Image

from mtl_plugins.config import build
from mtl_plugins.evaluation import measure
from tests.conftest import ROOT
from tests.datasets.layouts import write_cityscapes
from tests.inference.conftest import save_run

pytestmark = pytest.mark.slow

BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
TINY = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
]
WORKERLESS = ("num_workers=0", "persistent_workers=False", "batch_size=4")
SHORT = ["train_cfg.val_interval=4", "default_hooks.checkpoint.interval=4"]


TAKE_OPTIONS = ("train.py", "check_data.py", "browse_data.py", "cost.py")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Work in a copy of the repository's root that the test may write to."""
    for name in ("configs", "tools"):
        (tmp_path / name).symlink_to(os.path.join(ROOT, name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tools"))
    declared = dict(measure._DECLARED)
    yield tmp_path
    # Other tests compare the registries and the metrics with those of the package.
    for registry in (HOOKS, METRICS, MODELS, VISBACKENDS):
        for name, registered in [*registry.module_dict.items()]:
            if registered.__module__.startswith("mine."):
                del registry.module_dict[name]
    measure._DECLARED.clear()
    measure._DECLARED.update(declared)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def blocks(name):
    with open(os.path.join(ROOT, "docs", "tutorials", f"{name}.md"), encoding="utf-8") as page:
        return [found.groups() for found in BLOCK.finditer(page.read())]


def commands(text):
    """Split a shell block into commands; join continued lines, drop variables and comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [re.sub(r"^(\w+=\S+ )+", "", line) for line in lines if line]


def follow(name, monkeypatch, options=(), done=()):
    """Write the files of a tutorial, run its commands except those in `done`, and its Python."""
    names: dict = {}
    for language, title, text in blocks(name):
        if title:
            os.makedirs(os.path.dirname(title) or ".", exist_ok=True)
            with open(title, "w", encoding="utf-8") as file:
                file.write(text)
        elif language == "python":
            exec(compile(text, f"docs/tutorials/{name}.md", "exec"), names)
        elif language == "sh":
            for command in commands(text):
                program, *arguments = shlex.split(command, comments=True)
                if program == "python" and arguments[0] not in done:
                    call(arguments, options, monkeypatch)


def call(arguments, options, monkeypatch):
    """Run a command in this process, with a tiny network."""
    script = arguments[0]
    if os.path.basename(script) in TAKE_OPTIONS or "--config" in arguments:
        arguments = [*arguments, "--cfg-options", *options]
    monkeypatch.setattr(sys, "argv", arguments)
    runpy.run_path(script, run_name="__main__")


def workerless(*loaders):
    """Return options that load data in this process."""
    return [f"{loader}_dataloader.{option}" for loader in loaders for option in WORKERLESS]


def test_own_data(checkout, monkeypatch, capsys):
    [config] = [text for _, title, text in blocks("own_data") if title == "mine/cars.py"]
    assert len(config.strip().splitlines()) <= 25
    follow("own_data", monkeypatch, [*TINY, *SHORT, *workerless("train", "val", "test")])
    printed = capsys.readouterr().out
    assert "image-blind" in printed and "moving/bce" in printed
    assert len(os.listdir("work_dirs/cars_seen")) == 2
    assert len(os.listdir("work_dirs/cars_predicted/labels")) == 4
    more = build("mine/more.py", pretrained=False, options=TINY)
    assert [*more.decode_head.task_heads] == ["semseg", "depth", "parts", "moving"]


def test_other_images(checkout, monkeypatch, capsys):
    follow("other_images", monkeypatch, [*TINY, *SHORT, *workerless("train", "val", "test")])
    printed = capsys.readouterr().out
    # Thermal values are 21449.5 on average, and 5000 more in 1/16 of the area; 10000 become 255.
    thermal = (1449.5 + 5000 / 16) * 255 / 10000
    [numbers] = re.findall(r"of val \(red.*: mean=\[(.*)\], std", printed)
    assert [*map(float, numbers.split(","))] == pytest.approx([19.5] * 3 + [thermal], abs=0.2)
    for folder in ("night_predicted", "night_onnx"):
        assert len(os.listdir(f"work_dirs/{folder}/depth")) == 4
    assert len(os.listdir("work_dirs/night_seen")) == 2


def test_own_head(checkout, monkeypatch, scene_options):
    Image.new("RGB", (48, 32)).save("street.jpg")
    follow("own_head", monkeypatch, [*TINY, *SHORT, *scene_options])
    assert os.listdir("work_dirs/laplace_predicted/depth") == ["street.png"]


def test_own_loss_and_balancer(checkout, monkeypatch, scene_options, capsys):
    follow("own_loss", monkeypatch, [*TINY, *SHORT, *scene_options])
    printed = capsys.readouterr().out
    assert "depth/relative" in printed and "balance/weight_depth" in printed


def test_own_hook_metric_and_logger(checkout, monkeypatch, scene_options, capsys):
    Image.new("RGB", (48, 32)).save("street.jpg")
    follow("own_hook", monkeypatch, [*TINY, *SHORT, *scene_options])
    assert "within 1 m (%)" in capsys.readouterr().out
    [values] = (checkout / "work_dirs" / "watched").rglob("values.csv")
    names = {line.split(",")[1] for line in values.read_text().splitlines()}
    assert {"loss", "depth/within_1m"} <= names
    [best] = (checkout / "work_dirs" / "watched").glob("best_depth_within_1m*.pth")
    assert not (checkout / "work_dirs" / "watched" / "report").exists()
    saved = torch.load(best.parent / "epoch_4.pth", weights_only=True)
    assert "ema_state_dict" in saved  # the weights as trained; the average is the state_dict
    assert os.listdir("work_dirs/watched_predicted/depth") == ["street.png"]


def test_fine_tuning(checkout, monkeypatch, scene_options, capsys):
    [config] = [text for _, title, text in blocks("fine_tuning") if title]
    follow("fine_tuning", monkeypatch, [*TINY, *SHORT, *scene_options])
    saved = torch.load("work_dirs/tuned/epoch_4.pth", weights_only=True)
    assert "ema_state_dict" in saved and len(config.strip().splitlines()) <= 12
    assert "semseg/focal" in capsys.readouterr().out


def test_rare_classes(checkout, monkeypatch, scene_options, capsys):
    follow("rare_classes", monkeypatch, scene_options, done=["tools/train.py", "tools/ladder.py"])
    for name, dataset in (("weighted", "dataset"), ("balanced", "dataset.dataset")):
        place = f"train_dataloader.{dataset}."
        scenes = [option.replace("train_dataloader.dataset.", place) for option in scene_options]
        call(["tools/train.py", f"mine/{name}.py"], [*TINY, *SHORT, *scenes], monkeypatch)
    assert "samples become" in capsys.readouterr().out
    saved = Config.fromfile("work_dirs/weighted/weighted.py")
    weights = saved.model.decode_head.task_heads.semseg.loss.class_weight
    assert len(weights) == 19 and weights[0] < weights[18]


def test_from_mmseg(checkout, monkeypatch, capsys):
    shipped = os.path.join(mmseg.__path__[0], ".mim", "configs")
    if not os.path.isdir(shipped):
        pytest.skip("this release of mmseg ships no configs")
    write_cityscapes(str(checkout / "data" / "cityscapes"), size=(64, 128))
    base = next(text for _, title, text in blocks("from_mmseg") if title).split('"')[1]
    theirs = Config.fromfile(os.path.join(shipped, base.removeprefix("mmseg::"))).model
    network = MODELS.build(dict(theirs, pretrained=None))
    torch.save(dict(state_dict=network.state_dict()), "deeplabv3plus_r50.pth")
    options = [
        *workerless("train", "val", "test"),
        "train_cfg.max_iters=1",
        "train_cfg.val_interval=1",
        "train_dataloader.dataset.pipeline.3.crop_size=(32,64)",
        "model.decode_head.decoder.head.channels=16",
        "optim_wrapper.optimizer.lr=0",
        "load_from=deeplabv3plus_r50.pth",
    ]
    follow("from_mmseg", monkeypatch, options)
    assert "depth/si_log_rmse" in capsys.readouterr().out
    # Trained for a step of length 0, the encoder is what it started from.
    trained = torch.load("work_dirs/deeplab_depth/iter_1.pth", weights_only=True)["state_dict"]
    name = "backbone.layer4.0.conv2.weight"
    assert torch.equal(trained[name], network.state_dict()[name])


def test_deploy(checkout, monkeypatch, scene_options, capsys):
    Image.effect_noise((96, 64), 64).convert("RGB").save("street.jpg")
    # A small network is exported in half the time: one decoder without context or skip.
    decoder = dict(type="DeepLabDecoder", channels=8, aspp_rates=None, skip_stride=None)
    head = {"type": "JointHead", "decoder": dict(_delete_=True, **decoder)}
    save_run(checkout / "work_dirs" / "mtl_branched", scene_options, **{"model.decode_head": head})
    os.rename("work_dirs/mtl_branched/epoch_1.pth", "work_dirs/mtl_branched/epoch_4.pth")
    follow("deploy", monkeypatch, done=["tools/train.py"])
    assert re.search(r"^[\w ]+ at \d+\.\d m$", capsys.readouterr().out, re.MULTILINE)
    assert os.listdir("work_dirs/deployed/panel")
