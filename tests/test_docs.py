"""The Python of two guides runs, and their configs build."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys

import pytest
import torch
from mmseg.registry import MODELS

from mtl_plugins import build
from mtl_plugins.config import load_config
from mtl_plugins.datasets import FORMATS
from mtl_plugins.models.task_heads import BinaryHead
from mtl_plugins.targets import Target
from tests.batches import batch, sample_of, step
from tests.conftest import ROOT


def blocks(name):
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as page:
        return re.findall(r"```python\n(.*?)```", page.read(), re.DOTALL)


BLOCKS = blocks("add_a_task.md")
CONFIGS = [block for block in BLOCKS if block.startswith("_base_")]
OWN_FILE = next(block for block in BLOCKS if "CappedDepthHead(DepthHead)" in block)
SNIPPETS = [block for block in BLOCKS if block not in (*CONFIGS, OWN_FILE)]
SNIPPETS += blocks("plugins.md")


def load(block, folder):
    """Load a config block as a file beside the shipped configs."""
    shutil.copytree(os.path.join(ROOT, "configs"), folder, dirs_exist_ok=True)
    (folder / "tutorial.py").write_text(block)
    return load_config(str(folder / "tutorial.py"))


@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: block.split("\n")[0][:40])
def test_snippets_run(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    before = set(FORMATS.module_dict)
    # Not with this file's own `from __future__ import annotations`.
    exec(compile(block, "docs", "exec", dont_inherit=True), {})
    for name in set(FORMATS.module_dict) - before:
        del FORMATS.module_dict[name]


def test_a_further_target_is_config_alone(tmp_path):
    config = load(CONFIGS[0], tmp_path)
    config.model.backbone.model_name = "test_resnet"
    network = build(config)
    targets = network.decode_head.targets()
    assert list(targets) == ["semseg", "depth", "boundary"]
    assert targets["boundary"] == Target("boundary", "binary")
    assert isinstance(network.decode_head.task_heads["boundary"], BinaryHead)
    samples = [sample_of(targets.values(), 32, 64)]
    logged = step(network, dict(batch((32, 64)), data_samples=samples))
    assert logged["boundary/bce"] > 0


def test_a_head_in_your_own_file(tmp_path, monkeypatch):
    (tmp_path / "my_heads.py").write_text(OWN_FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        config = load(CONFIGS[1], tmp_path)
        config.model.backbone.model_name = "test_resnet"
        network = build(config)
        with torch.no_grad():
            network.decode_head.task_heads["depth"].predict.bias.fill_(99.0)
            data = network.data_preprocessor(batch((32, 64), semseg=False), False)
            [result] = network(**data, mode="predict")
        assert (result.pred_depth_map.data == 50).all()
    finally:
        # Other tests compare the registry with the classes of the package.
        MODELS.module_dict.pop("CappedDepthHead", None)
        sys.modules.pop("my_heads", None)


def test_every_data_set_of_the_configs_is_described():
    """The page has its variable, its default folder and every experiment on it."""
    with open(os.path.join(ROOT, "docs", "datasets.md"), encoding="utf-8") as page:
        text = page.read()
    configs = os.path.join(ROOT, "configs")
    for path in glob.glob(os.path.join(configs, "_base_", "datasets", "*.py")):
        with open(path, encoding="utf-8") as file:
            for variable, root in re.findall(r"\{\{\$(\w+):([\w/]+)\}\}", file.read()):
                assert f"`{variable}` (`{root}`)" in text
                folder = root.removeprefix("data/")
                for experiment in glob.glob(os.path.join(configs, folder, "*.py")):
                    name = os.path.relpath(experiment, configs)
                    assert name in text or f"{folder}/*.py" in text


def test_the_head_of_several_scales_trains():
    values: dict = {}
    exec(next(block for block in blocks("concepts.md") if "PyramidDecoder" in block), values)
    head = MODELS.build(dict(values["decode_head"], in_channels=(8, 8), strides=(4, 8)))
    raw = head((torch.rand(2, 8, 16, 16), torch.rand(2, 8, 8, 8)))
    losses = head.batch_losses(raw, batch((64, 64), (64, 64))["data_samples"], (64, 64))
    stages = ("scale0", "scale1")
    assert set(losses) == {
        "depth/silog", "depth/l1_scale0", "depth/silog_scale1",
        "semseg/ce", *(f"semseg/ce_{stage}" for stage in stages),
    }  # fmt: skip
