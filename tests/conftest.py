"""Fixtures shared by all tests: the registry scope, and tiny street scenes on disk."""

from __future__ import annotations

import gc
import logging
import os
import runpy
import sys

# The tests' networks are tiny: threads would cost more than they bring. Set before torch is
# imported, and inherited by the commands that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from mmengine.config import config as mmengine_config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import init_default_scope
from mmengine.visualization import Visualizer

import mtl_plugins  # noqa: F401 (registers everything)
from mtl_plugins.street_scenes import write_street_scenes

# mmengine collects garbage whenever it builds a data set; what is imported by now need not be
# looked through each time.
gc.freeze()


def _once(function):
    """Keep what a function returned for a text."""
    known: dict[str, tuple] = {}

    def call(text, **options):
        if text not in known:
            known[text] = function(text, **options)
        return known[text]

    return call


# mmengine lays out the config of every run five times, which takes longer than a tiny epoch.
mmengine_config.FormatCode = _once(mmengine_config.FormatCode)

SCENES = dict(counts=dict(train=6, val=3), size=(64, 128), seed=7)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture(autouse=True)
def _scope_and_seed():
    # mmengine names a run by the second it starts in: two short ones would share logger and curves.
    for kind in (MMLogger, MessageHub, Visualizer):
        kind._instance_dict.clear()
    init_default_scope("mmseg")
    torch.manual_seed(0)
    yield
    disabled, logging.root.manager.disable = logging.root.manager.disable, 0
    assert not disabled, "this test leaves logging disabled, which others read"


@pytest.fixture(scope="session", autouse=True)
def _no_default_data():
    folder = os.path.join(ROOT, "data")
    before = os.path.isdir(folder)
    yield
    assert before or not os.path.isdir(folder), "a test renders the default data; use scene_options"


@pytest.fixture(scope="session")
def scenes_root(tmp_path_factory) -> str:
    """A folder of nine tiny street scenes."""
    root = str(tmp_path_factory.mktemp("street_scenes"))
    write_street_scenes(root, **SCENES, workers=1)
    return root


@pytest.fixture(scope="session")
def scene_options(scenes_root) -> list[str]:
    """`--cfg-options` that make a StreetScenes config run on the tiny scenes in seconds."""
    options = ["env_cfg.cudnn_benchmark=False", "default_hooks.logger.interval=1"]
    for split in ("train", "val", "test"):
        loader = f"{split}_dataloader"
        options += [
            f"{loader}.dataset.data_root={scenes_root}",
            f"{loader}.dataset.counts.train={SCENES['counts']['train']}",
            f"{loader}.dataset.counts.val={SCENES['counts']['val']}",
            f"{loader}.dataset.size=({SCENES['size'][0]},{SCENES['size'][1]})",
            f"{loader}.dataset.seed={SCENES['seed']}",
            f"{loader}.num_workers=0",
            f"{loader}.persistent_workers=False",
            f"{loader}.batch_size=2",
        ]
    return options


@pytest.fixture(scope="session")
def partial_options(scene_options) -> list[str]:
    """The same for a training set that joins two, three tiny scenes each."""
    train, parts = "train_dataloader.dataset.", "train_dataloader.dataset.datasets"
    options = [option for option in scene_options if not option.startswith(train)]
    for option in set(scene_options) - set(options):
        options += [option.replace(train, f"{parts}.{index}.") for index in range(2)]
    return [*options, f"{parts}.0.indices=3", f"{parts}.1.indices=-3"]


@pytest.fixture
def command(monkeypatch):
    """Call a command of tools/ in this process, from the repository's root."""

    def call(tool: str, *arguments: str) -> None:
        path = os.path.join(ROOT, "tools", tool)
        monkeypatch.chdir(ROOT)
        monkeypatch.syspath_prepend(os.path.dirname(path))
        monkeypatch.setattr(sys, "argv", [tool, *arguments])
        runpy.run_path(path, run_name="__main__")

    return call
