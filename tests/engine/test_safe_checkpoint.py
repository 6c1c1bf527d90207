import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mtl_plugins.checkpoints import CheckpointError, load_checkpoint
from mtl_plugins.checkpoints.plain_state import TAG
from mtl_plugins.engine.hooks import SafeCheckpointHook


class Ramp(Dataset):
    def __init__(self):
        palette = np.array([[0, 0, 0], [9, 9, 9]], dtype=np.uint8)
        self.metainfo = dict(classes=("a", "b"), palette=palette)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(x=torch.tensor([float(index)]), y=torch.tensor([2.0 * index]))


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        nn.init.constant_(self.layer.weight, 0.1)
        nn.init.zeros_(self.layer.bias)

    def forward(self, x, y, mode="loss"):
        error = (self.layer(x) - y).square()
        return dict(loss=error.mean()) if mode == "loss" else [error]


class Closeness(BaseMetric):
    """Return a NumPy score, which mmengine keeps as `best_score`."""

    def process(self, data_batch, data_samples):
        self.results.append(data_samples[0].mean().item())

    def compute_metrics(self, results):
        return dict(score=np.float64(-np.mean(results)))


class ArrayKeeper(Hook):
    """Store NumPy values in the message hub, as hooks of users do."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        counts = np.arange(6).reshape(2, 3) * runner.iter
        runner.message_hub.update_info("counts", counts)
        runner.message_hub.update_info("peak", np.float32(0.1))


def make_runner(work_dir, max_iters, *, hook=True, resume=False, name="run", extra=()):
    loader = dict(
        dataset=Ramp(), batch_size=4, num_workers=0, collate_fn=dict(type="default_collate")
    )
    ordered = dict(type="DefaultSampler", shuffle=False)
    return Runner(
        model=Line(),
        work_dir=str(work_dir),
        experiment_name=f"{work_dir.name}-{name}",  # a message hub of its own
        train_dataloader={**loader, "sampler": dict(type="InfiniteSampler", shuffle=False)},
        val_dataloader={**loader, "sampler": ordered},
        val_evaluator=[Closeness()],
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=2),
        val_cfg=dict(),
        optim_wrapper=dict(
            optimizer=dict(type="SGD", lr=0.01, momentum=0.9),
            clip_grad=dict(max_norm=10.0),
            paramwise_cfg=dict(bias_lr_mult=2.0),
        ),
        param_scheduler=[
            dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=3),
            dict(type="PolyLR", power=0.9, by_epoch=False, begin=0, end=10),
            *extra,
        ],
        default_hooks=dict(
            logger=dict(type="LoggerHook", interval=1),
            checkpoint=dict(
                type="CheckpointHook",
                interval=2,
                by_epoch=False,
                save_best="score",
                rule="greater",
                max_keep_ckpts=2,
            ),
        ),
        custom_hooks=[ArrayKeeper(), *([dict(type="SafeCheckpointHook")] if hook else [])],
        default_scope="mmseg",
        randomness=dict(seed=0),
        resume=resume,
        log_level="ERROR",
    )


def buffers(hub):
    return {
        key: (
            log.dtype,
            log.tobytes(),
            count.dtype,
            count.tobytes(),
            hub.log_scalars[key].max_length,
        )
        for key in hub.log_scalars
        for log, count in [hub.log_scalars[key].data]
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train four iterations."""
    # This scheduler keeps a function in its state.
    cycle = dict(type="OneCycleLR", eta_max=0.02, total_steps=20, by_epoch=False)
    runner = make_runner(tmp_path_factory.mktemp("trained"), max_iters=4, extra=[cycle])
    runner.train()
    return runner


def checkpoints(runner):
    return [os.path.join(runner.work_dir, f) for f in os.listdir(runner.work_dir) if "pth" in f]


def test_every_file_of_a_run_loads_without_pickle(trained):
    files = checkpoints(trained)
    assert len(files) == 3  # the last two, and the best
    for file in files:
        checkpoint = torch.load(file, weights_only=True)
        assert checkpoint["message_hub"]["log_scalars"]["train/loss"][TAG] == "HistoryBuffer"
        assert type(checkpoint["message_hub"]["runtime_info"]["best_score"]) is float
        assert load_checkpoint(file).keys() == checkpoint.keys()


def test_without_the_hook_checkpoints_need_pickle(tmp_path):
    runner = make_runner(tmp_path, max_iters=2, hook=False)
    runner.train()
    with pytest.raises(CheckpointError, match="would need pickle"):
        load_checkpoint(tmp_path / "iter_2.pth")


def test_a_resumed_run_holds_the_same_state(trained):
    resumed = make_runner(Path(trained.work_dir), 4, resume=True, name="again")
    resumed.train()  # nothing is left to train: it loads, and stops
    hub = resumed.message_hub
    assert resumed.iter == 4
    assert buffers(hub) == buffers(trained.message_hub)
    assert hub.get_info("best_score") == trained.message_hub.get_info("best_score")
    assert hub.get_info("best_ckpt") == trained.message_hub.get_info("best_ckpt")
    counts, expected = hub.get_info("counts"), trained.message_hub.get_info("counts")
    assert counts.dtype == expected.dtype and np.array_equal(counts, expected)


def test_an_interrupted_run_ends_like_an_uninterrupted_one(tmp_path):
    (tmp_path / "whole").mkdir(), (tmp_path / "parts").mkdir()
    whole = make_runner(tmp_path / "whole", 6)
    whole.train()
    make_runner(tmp_path / "parts", 4).train()
    parts = make_runner(tmp_path / "parts", 6, resume=True, name="second")
    parts.train()
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, parts.model.state_dict()[key]), key
    expected, got = buffers(whole.message_hub), buffers(parts.message_hub)
    timed = {key for key in expected if "time" in key}
    assert {k: v for k, v in got.items() if k not in timed} == {
        k: v for k, v in expected.items() if k not in timed
    }
    assert "train/loss" in expected and len(whole.message_hub.get_scalar("train/loss").data[0]) == 6
    score = "best_score"
    assert parts.message_hub.get_info(score) == whole.message_hub.get_info(score)
    # The best file of the first part was replaced, so the second part knew of it.
    assert sum("best" in f for f in os.listdir(tmp_path / "parts")) == 1


def test_a_value_without_plain_form_is_named_and_not_saved():
    checkpoint = {"message_hub": {"runtime_info": {"where": Path("x")}}}
    with pytest.raises(TypeError, match=r"\['runtime_info'\]\['where'\] holds a pathlib"):
        SafeCheckpointHook().before_save_checkpoint(None, checkpoint)


def test_a_newer_tag_is_refused():
    with pytest.raises(ValueError, match="newer mtl_plugins"):
        SafeCheckpointHook().after_load_checkpoint(None, {"meta": {TAG: "Future"}})


def test_code_in_a_checkpoints_meta_is_not_executed(tmp_path):
    (tmp_path / "run").mkdir()
    make_runner(tmp_path / "run", 2).train()
    path = tmp_path / "run" / "iter_2.pth"
    checkpoint = torch.load(path, weights_only=True)
    written = tmp_path / "written"
    checkpoint["meta"]["config"] = f"open({str(written)!r}, 'w').close()"
    torch.save(checkpoint, path)
    resumed = make_runner(tmp_path / "run", 4, resume=True, name="second")
    resumed.train()
    assert resumed.iter == 4 and not written.exists()
