"""Folders whose names hold everything that a file system allows, and data that stays untouched."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.config import build_dataset, copied, load_config, with_packed
from mtl_plugins.data_tools import browse_data, report_data_check, report_packing
from mtl_plugins.engine import train
from mtl_plugins.inference import MultiTaskInferencer
from mtl_plugins.report import write_page
from tests.config.test_config import BRANCHED
from tests.conftest import SCENES
from tests.inference.conftest import brightness, read_video, write_video

pytestmark = pytest.mark.slow

ODD = 'données à côté/straße [1], (2)/it\'s "new"; %d {x} $HOME #*/' + "lång " * 30
"""Spaces, commas, brackets, quotes, patterns, other letters, and 180 bytes."""


def contents(root: Path):
    """Everything below a folder: sizes, times of change, and what is in the files."""
    return {
        str(path): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        )
        for path in [root, *root.rglob("*")]
    }


def config_text(base, data):
    """A config of a tiny run whose values are Python, as in a user's file."""
    dataset = dict(data_root=str(data), **SCENES)
    loader = dict(dataset=dataset, num_workers=0, persistent_workers=False, batch_size=3)
    values = dict(
        _base_=[base],
        model=dict(
            backbone=dict(model_name="test_resnet"), decode_head=dict(decoder=dict(channels=8))
        ),
        train_cfg=dict(max_epochs=1),
        default_hooks=dict(checkpoint=dict(save_best=None)),
        **{f"{split}_dataloader": loader for split in ("train", "val", "test")},
    )
    return "\n".join(f"{name} = {value!r}" for name, value in values.items())


@pytest.fixture(scope="module")
def odd(tmp_path_factory, scenes_root):
    """The folder with data, config and a work dir; what was in the data before."""
    folder = tmp_path_factory.mktemp("odd") / ODD
    data = folder / "data, (a)"
    shutil.copytree(scenes_root, data)
    (folder / "bäse [0].py").write_text(f"_base_ = [{BRANCHED!r}]")
    file = folder / "my, (first) [config] 'é'.py"
    file.write_text(config_text("bäse [0].py", data), encoding="utf-8")
    before = contents(data)
    config = load_config(str(file), [])
    config.default_hooks.update(panels=None, summary=None)
    work_dir = folder / "run [1], (a) 'é'"
    train(config, str(work_dir), seed=1)
    return folder, config, work_dir, before


def test_training_goes_on(odd):
    _, config, work_dir, _ = odd
    assert (work_dir / "epoch_1.pth").is_file()
    config = copied(config)
    config.train_cfg.max_epochs = 2
    runner = train(config, str(work_dir), resume="auto", seed=1)
    assert runner.iter == 4, "it began anew"
    assert (work_dir / "last_checkpoint").read_text() == str(work_dir / "epoch_2.pth")


def test_its_report_is_written(odd):
    folder, _, work_dir, _ = odd
    write_page([str(work_dir)], str(folder / "reports, [new]" / "r (1).html"))
    page = (folder / "reports, [new]" / "r (1).html").read_text(encoding="utf-8")
    assert "run [1], (a) &#39;é&#39;" in page and "data:image/jpeg" in page


def test_its_data_are_checked_browsed_and_packed(odd, capsys):
    folder, config, _, _ = odd
    report_data_check(config, workers=1, out=str(folder / "check, [1]"))
    assert list((folder / "check, [1]").rglob("*.png"))
    pictures = browse_data(config, str(folder / "browse, (1)"), num=2)
    assert all(Path(picture).is_file() for picture in pictures)
    packed = folder / "packed [1], (é)"
    report_packing(config, str(packed))
    assert "0 samples left out" in capsys.readouterr().out
    sets = (build_dataset(each, "val") for each in (config, with_packed(config, str(packed))))
    for sample, same in zip(*sets, strict=True):
        assert (sample["inputs"] == same["inputs"]).all()


def test_its_checkpoint_predicts_files_folders_and_videos(odd, command, capsys):
    folder, _, work_dir, _ = odd
    inputs = folder / "in [a-z], (1)" / "it's %03d"
    inputs.mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    long = "ü" * 125  # with its suffix 254 bytes
    names = ["a [1], 'é'", "%d", "x*", "#?&=", long]
    for name in names:
        Image.fromarray(image).save(inputs / f"{name}.png")
    write_video(inputs / "clip [1], %02d é.mp4", [image] * 3)
    checkpoint, out = str(work_dir / "epoch_1.pth"), folder / "out, [1] (é)"
    command("predict.py", checkpoint, str(inputs), "--out", str(out))
    assert "8 images predicted" in capsys.readouterr().out  # three of the video
    for name in names:
        assert (out / "depth" / f"{name}.png").is_file()
    assert len(read_video(out / "video" / "clip [1], %02d é.mp4")[1]) == 3
    listed = json.loads((out / "predictions.json").read_text())
    assert listed["complete"] and listed["problems"] == [] and len(listed["predictions"]) == 6
    [alone] = MultiTaskInferencer(checkpoint)(str(inputs / "a [1], 'é'.png"))
    assert alone.depth.shape == (32, 48)


def test_names_that_their_number_makes_too_long_are_shortened(tmp_path):
    image = Image.new("RGB", (8, 6))
    for suffix in ("png", "bmp", "tif"):
        image.save(tmp_path / f"{'a' * 251}.{suffix}")
    report = MultiTaskInferencer(brightness).save(tmp_path, tmp_path / "out", kinds=["depth"])
    assert (report.images, report.problems) == (3, [])
    found = sorted(path.name for path in (tmp_path / "out" / "depth").iterdir())
    assert found == [f"{'a' * 249}_2.png", f"{'a' * 249}_3.png", f"{'a' * 251}.png"]


def test_nothing_of_all_this_has_touched_the_data(odd):
    folder, _, _, before = odd
    data = folder / "data, (a)"
    # Predicting beside the data, too.
    MultiTaskInferencer(brightness).save(data, folder / "of data", kinds=["depth"])
    assert contents(data) == before
