"""docs/predict.md: its Python runs, its table lists the options of the command."""

from __future__ import annotations

import os
import re
import shutil

from PIL import Image

from mtl_plugins.inference import KINDS
from tests.conftest import ROOT
from tests.inference.conftest import BINS, images, save_run, write_video

with open(os.path.join(ROOT, "docs", "predict.md"), encoding="utf-8") as page:
    TEXT = page.read()


def test_the_examples_run(tmp_path, scene_options, monkeypatch):
    heads = {"model.decode_head.task_heads.depth": dict(_delete_=True, **BINS)}
    checkpoint, _, _ = save_run(tmp_path / "run", scene_options, **heads)
    monkeypatch.chdir(tmp_path)
    for folder in ("work_dirs/mtl_branched", "folder", "clips"):
        os.makedirs(folder)
    shutil.copy(checkpoint, "work_dirs/mtl_branched/epoch_4.pth")
    for path in ("street.jpg", "folder/a.png"):
        Image.fromarray(images()[0]).save(path)
    write_video("clips/drive.mp4", images()[:1] * 3)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block, "docs/predict.md", "exec"), names)
    assert names["report"].images == 4 and names["nearest"] > 0
    assert sorted(os.listdir("predictions")) == ["labels", "predictions.json", "video"]


def test_the_table_lists_every_kind_of_output():
    listed = re.findall(r"^\| `--([\w-]+)` \|", TEXT, re.MULTILINE)
    assert [option.replace("-", "_") for option in listed] == list(KINDS)
