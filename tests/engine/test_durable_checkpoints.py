"""Checkpoints survive a full disk, damage and killed runs."""

from __future__ import annotations

import os
import shutil

import pytest
import torch
from dev.endurance import kill_test
from dev.endurance.run_difference import run_differences
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmseg.registry import HOOKS

from mtl_plugins.checkpoints import (
    CheckpointError,
    latest_checkpoint,
    load_checkpoint,
    load_resumable,
)
from mtl_plugins.engine import SaveError, train
from mtl_plugins.errors import ConfigError
from tests.engine.tiny_run import tiny_config


@HOOKS.register_module()
class FullDiskHook(Hook):
    """Make the writing of one file fail for lack of space."""

    def __init__(self, file):
        self.file = file

    def before_train_epoch(self, runner):
        path = os.path.join(runner.work_dir, f"{self.file}.tmp")
        if self.file and not os.path.lexists(path):
            os.symlink("/dev/full", path)


def full_disk(scene_options, file, *options, epochs=2):
    options = [*options, "default_hooks.checkpoint.max_keep_ckpts=1"]
    config = tiny_config(scene_options, *options, hooks=[dict(type="FullDiskHook", file=file)])
    config.train_cfg.max_epochs = epochs
    return config


def names(folder):
    return sorted(path.name for path in folder.glob("*.pth*"))


def text_of(folder):
    return "".join(path.read_text() for path in sorted(folder.glob("*/*.log")))


BEST = "best_multitask_score_epoch_1.pth"


def test_a_full_disk_leaves_what_was_there_and_the_run_goes_on_from_it(scene_options, tmp_path):
    first, moved = tmp_path / "first", tmp_path / "moved"
    with pytest.raises(SaveError, match=r"epoch_2\.pth could not be saved: No space left on"):
        train(full_disk(scene_options, "epoch_2.pth"), str(first), seed=1)
    assert "The training goes on." in text_of(first)
    assert names(first) == [BEST, "epoch_1.pth"]
    assert load_resumable(str(first / "epoch_1.pth"))["meta"]["epoch"] == 1
    # Later, with more room, in another place.
    shutil.move(first, moved)
    train(full_disk(scene_options, None), str(moved), resume="auto")
    assert names(moved) == [BEST, "epoch_2.pth"]
    assert "resumed epoch: 1, iter: 3" in text_of(moved)
    # What a kill had left behind the last checkpoint goes when the run goes on.
    shutil.copy(moved / BEST, moved / "epoch_1.pth")
    os.utime(moved / "epoch_1.pth", (1, 1))
    (moved / "epoch_2.pth.tmp").write_bytes(b"half")
    train(full_disk(scene_options, None), str(moved), resume="auto")
    assert names(moved) == [BEST, "epoch_2.pth"]


def test_going_on_in_another_folder_leaves_its_curves_alone(scene_options, tmp_path):
    config = full_disk(scene_options, None, epochs=1)
    train(config, str(tmp_path / "first"))
    [own] = (tmp_path / "first").glob("*/vis_data/scalars.json")
    length = own.stat().st_size
    other = tmp_path / "second" / "earlier" / "vis_data" / "scalars.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}\n")
    train(config, str(tmp_path / "second"), resume=str(tmp_path / "first" / "epoch_1.pth"))
    assert other.read_text() == "{}\n" and own.stat().st_size == length


def test_a_full_disk_may_stop_the_training(scene_options, tmp_path):
    stop = "default_hooks.checkpoint.on_save_error=stop"
    with pytest.raises(SaveError, match="No space left on device"):
        train(full_disk(scene_options, "epoch_1.pth", stop), str(tmp_path))
    assert "Epoch(train) [2]" not in text_of(tmp_path) and names(tmp_path) == []
    with pytest.raises(ConfigError, match="on_save_error='ask'"):
        train(full_disk(scene_options, "x", stop.replace("stop", "ask")), str(tmp_path))


def test_best_weights_that_were_not_saved_are_not_taken_for_saved(scene_options, tmp_path):
    with pytest.raises(SaveError, match=BEST):
        train(full_disk(scene_options, BEST, epochs=1), str(tmp_path), seed=1)
    assert names(tmp_path) == ["epoch_1.pth"]
    train(full_disk(scene_options, None, epochs=1), str(tmp_path), resume="auto")
    assert names(tmp_path) == [BEST, "epoch_1.pth"]
    info = load_checkpoint(tmp_path / "epoch_1.pth")["message_hub"]["runtime_info"]
    assert os.path.basename(info["best_ckpt"]) == BEST


@pytest.fixture
def folder(tmp_path):
    """Checkpoints 1 to 4 in their order of time, and the best weights, saved last."""
    state = dict(
        meta=dict(epoch=1), state_dict=dict(w=torch.ones(5000)), message_hub={}, optimizer={}
    )
    for time, name in enumerate(["epoch_1", "epoch_2", "epoch_3", "epoch_4", "best_x_epoch_3"]):
        torch.save(state, tmp_path / f"{name}.pth")
        os.utime(tmp_path / f"{name}.pth", (time, time))
    return tmp_path


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    time = path.stat().st_mtime
    path.write_bytes(content)
    os.utime(path, (time, time))


def test_the_newest_good_checkpoint_is_found_and_the_others_are_named(folder, caplog):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    (folder / "last_checkpoint").write_text(str(folder / "epoch_1.pth"))
    assert latest_checkpoint(str(folder))[0] == str(folder / "epoch_4.pth")
    flip(folder / "epoch_4.pth", 10000)  # a bit of a weight, which torch does not notice
    changed = torch.load(folder / "epoch_4.pth", weights_only=True)["state_dict"]["w"]
    assert (changed != 1).sum() == 1
    os.truncate(folder / "epoch_3.pth", 10000)
    os.utime(folder / "epoch_3.pth", (2, 2))
    (folder / "epoch_5.pth.tmp").write_bytes(b"PK")
    assert latest_checkpoint(str(folder))[0] == str(folder / "epoch_2.pth")
    for name in ("epoch_5.pth.tmp was never", "epoch_4.pth could not", "epoch_3.pth could not"):
        assert f"{folder}/{name}" in caplog.text
    with pytest.raises(CheckpointError, match=r"epoch_4\.pth could not be read \(the checksum of"):
        load_resumable(str(folder / "epoch_4.pth"))


def test_a_folder_of_damaged_checkpoints_is_not_an_empty_one(folder, scene_options):
    """Files that were never finished, and weights alone, are nothing to lose or to go on from."""
    for path in folder.glob("epoch_*.pth"):
        os.truncate(path, 1000)
    before = {path.name: path.read_bytes() for path in folder.glob("*.pth")}
    with pytest.raises(
        CheckpointError, match=r"cannot be read or resumed: .*epoch_4.*would overwrite them"
    ):
        train(tiny_config(scene_options), str(folder), resume="auto")
    assert {path.name: path.read_bytes() for path in folder.glob("*.pth")} == before
    for path in folder.glob("epoch_*.pth"):
        path.unlink()
    (folder / "epoch_1.pth.tmp").write_bytes(b"PK")
    torch.save(dict(state_dict={}), folder / "weights.pth")
    assert latest_checkpoint(str(folder)) is None
    assert latest_checkpoint(str(folder / "new")) is None


@pytest.mark.parametrize("name", ["epoch_4.pth", "iter_40.pth", "interrupted.pth"])
@pytest.mark.parametrize("content", [b"", b"PK", b"hello", None, "folder"])
def test_what_a_run_saved_and_is_not_usable_is_never_overwritten(name, content, tmp_path):
    path = tmp_path / name
    if content is None:
        torch.save(dict(state_dict=dict(w=torch.ones(3))), path)
    elif content == "folder":
        path.mkdir()
    else:
        path.write_bytes(content)
    (tmp_path / "last_checkpoint").write_text(str(path))
    with pytest.raises(CheckpointError, match=rf"cannot be read or resumed: {name}"):
        latest_checkpoint(str(tmp_path))


def test_a_checkpoint_that_is_gone_was_there(folder):
    """The folder held a run, whose best weights a new one would replace."""
    (folder / "last_checkpoint").write_text("/elsewhere/epoch_4.pth")
    assert latest_checkpoint(str(folder))[0] == str(folder / "epoch_4.pth")
    for path in folder.glob("epoch_*.pth"):
        path.unlink()
    with pytest.raises(
        CheckpointError, match=r"had a checkpoint, '/elsewhere/epoch_4\.pth', .*gone"
    ):
        latest_checkpoint(str(folder))
    (folder / "last_checkpoint").unlink()
    assert latest_checkpoint(str(folder)) is None


def test_a_folder_is_no_checkpoint(folder):
    with pytest.raises(CheckpointError, match="is a folder; expected a checkpoint, a file in it"):
        load_resumable(str(folder))


def test_weights_alone_are_no_state_to_go_on_from(folder):
    torch.save(dict(state_dict={}), folder / "weights.pth")
    with pytest.raises(CheckpointError, match=r"no meta, message_hub, optimizer.*load_from"):
        load_resumable(str(folder / "weights.pth"))


def test_runs_that_are_killed_end_like_one_that_is_left_alone(scene_options, tmp_path):
    report = kill_test(tiny_config(scene_options), str(tmp_path / "runs"), kills=3, seed=2)
    assert report.kills == 3 and report.while_saving >= 1 and report.runs >= 1
    assert report.differences == []
    # What it would find: a curve with a double, weights of another seed.
    whole, killed = tmp_path / "runs" / "whole", tmp_path / "runs" / "killed_0"
    scalars = next(killed.glob("*/vis_data/scalars.json"))
    scalars.write_text(scalars.read_text() + scalars.read_text().splitlines()[-1] + "\n")
    assert "curves.scalars has" in run_differences(str(whole), str(killed))[0]
    last = load_checkpoint(whole / "epoch_2.pth")
    next(iter(last["state_dict"].values()))[0] += 1e-6
    torch.save(last, whole / "epoch_2.pth")
    assert "epoch_2.pth.state_dict." in run_differences(str(whole), str(killed))[0]
