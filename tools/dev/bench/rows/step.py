"""A training step, end to end through the runner, against its limit and against mmseg

The branched ResNet-34 of `configs/miniscapes` on 256x256 crops of street scenes. Every training is
one epoch, with data workers, hooks and logging, without checkpoints and validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from mtl_plugins.config import run_config
from mtl_plugins.costs import count_macs

from ..measurement import Goal
from ..peers import peer_models
from ..row import Case, NotMeasured, Samples
from ..scenes import MMSEG_LOADING, Scenes, scenes
from ..settings import Settings
from ..steps import Iterations, TrainingStep, build_network, timed_training
from ..turns import seconds_of

CONFIG = "miniscapes/branched_resnet34.py"
HOOKS = dict(
    checkpoint=None, logger=dict(type="LoggerHook", interval=20), timer=dict(type="IterTimerHook")
)


class Trainings:
    """The compared trainings, each with `images` timed samples.

    Args:
        settings: device and sizes.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.batch = settings.choose(cpu=2, cuda=16, quick=2)
        self.first = settings.choose(cpu=2, cuda=15, quick=1)
        self.iterations = settings.choose(cpu=4, cuda=60, quick=2)
        self.workers = settings.choose(cpu=2, cuda=12, quick=0)
        self.times = settings.choose(cpu=1, cuda=5, quick=1)
        self.crop = settings.choose(cpu=(256, 256), cuda=(256, 256), quick=(64, 64))
        self.images = self.batch * self.iterations
        self.augmentation: Sequence[dict] = [dict(type="FlipTargets", prob=0.5)]

    @property
    def data(self) -> Scenes:
        """Street scenes; an epoch reads them `times` times."""
        height, width = self.crop
        count = self.batch * (self.first + self.iterations) // self.times
        return scenes(self.settings, count, (height, 2 * width))

    def config(self) -> Config:
        """Return the config of our training, with packed data."""
        config = self.settings.config(CONFIG)
        data = self.data.packed
        pipeline = [
            dict(type="LoadImage"), dict(type="LoadTargets", decode=False),
            dict(type="RandomCrop", crop_size=self.crop), dict(type="DecodeTargets"),
            *self.augmentation, dict(type="PackTargets"),
        ]  # fmt: skip
        config.train_dataloader = self._loader(dict(data, pipeline=pipeline), "SeededSampler")
        config.train_cfg = dict(type="SeededTrainLoop", max_epochs=1)
        return run_config(config, work_dir=self.settings.folder("runs"))

    def ours(self, **hooks: Any) -> Iterations:
        """Train our model; `hooks` replace default hooks."""
        config = self.config()
        return timed_training(
            self.first, model=config.model, optim_wrapper=config.optim_wrapper,
            train_dataloader=config.train_dataloader, train_cfg=config.train_cfg,
            param_scheduler=config.param_scheduler, work_dir=config.work_dir,
            env_cfg=config.env_cfg, default_scope="mmseg", randomness=dict(seed=0),
            default_hooks=dict(HOOKS, runtime_info=dict(type="ScalarsHook")) | hooks,
        )  # fmt: skip

    def mmseg(self) -> Iterations:
        """Train mmseg's models, one after the other."""
        config = self.config()
        crop = dict(type="RandomCrop", crop_size=self.crop)
        flip = dict(type="RandomFlip", prob=0.5)
        pack = dict(type="PackSegInputs")
        optimizer = dict(config.optim_wrapper.optimizer)
        load = dict(semseg=MMSEG_LOADING[:2], depth=MMSEG_LOADING)
        taken = []
        for task, model in peer_models(config.model, self.crop).items():
            data = dict(self.data.mmseg, pipeline=[*load[task], crop, flip, pack])
            training = timed_training(
                self.first, model=model, optim_wrapper=dict(optimizer=optimizer),
                train_dataloader=self._loader(data, "DefaultSampler"),
                train_cfg=dict(by_epoch=True, max_epochs=1), work_dir=config.work_dir,
                param_scheduler=config.param_scheduler, env_cfg=config.env_cfg,
                default_scope="mmseg", randomness=dict(seed=0), default_hooks=HOOKS,
            )  # fmt: skip
            taken.append(training)
        return Iterations(*map(sum, zip(*taken, strict=True)))

    def _loader(self, dataset: dict, sampler: str) -> dict:
        if self.times > 1:
            dataset = dict(type="RepeatDataset", times=self.times, dataset=dataset)
        return dict(
            batch_size=self.batch, num_workers=self.workers, drop_last=True, dataset=dataset,
            persistent_workers=self.workers > 0, pin_memory=self.settings.device == "cuda",
            sampler=dict(type=sampler, shuffle=True),
        )  # fmt: skip

    def rates(self, other: Callable[[], float]) -> Samples:
        """Measure the samples/s of our training and of another, in turns."""
        ours, others, waited = [], [], []
        for _ in range(self.settings.repeats):
            taken = self.ours()
            ours.append(self.images / taken.seconds)
            waited.append(taken.waiting / taken.seconds)
            others.append(self.images / other())
        share = 100 * sum(waited) / len(waited)
        return Samples(ours, others, f"Our training waits for data {share:.1f} % of the time.")


def cases(settings: Settings) -> Iterator[Case]:
    """Yield the comparisons."""
    trainings = Trainings(settings)

    def bare() -> Samples:
        config = trainings.config()
        built = TrainingStep(config, trainings.crop, trainings.batch, settings.place)
        step = built.bare()

        def steps(number: int) -> None:
            for _ in range(number):
                step()

        def seconds() -> float:
            # As in our training the first ones are not timed.
            steps(trainings.first)
            return seconds_of(partial(steps, trainings.iterations), settings.place)

        return trainings.rates(seconds)

    def mmseg() -> Samples:
        config = trainings.config()
        peers = peer_models(config.model, trainings.crop).values()
        ours = build_network(config.model, torch.device("cpu"))
        image = torch.zeros(1, 3, *trainings.crop)
        networks: list[nn.Module] = [ours, *peers]
        needed = [count_macs(partial(each.eval(), image, mode="tensor")) for each in networks]
        samples = trainings.rates(lambda: trainings.mmseg().seconds)
        note = f"mmseg's networks need {sum(needed[1:]) / needed[0]:.2f} times the multiplications."
        return samples._replace(note=f"{samples.note} {note}")

    def scalars() -> Samples:
        if settings.device == "cpu":
            raise NotMeasured("a CPU has no queue that reading a value would wait for")
        plain = dict(type="RuntimeInfoHook")
        return trainings.rates(lambda: trainings.ours(runtime_info=plain).seconds)

    yield Case(
        "runner / bare loop", "our runner", "the same step in a bare loop, its batch on the device",
        "samples/s", bare, Goal("at least", 0.95),
    )  # fmt: skip
    yield Case(
        "one network / two of mmseg", "our runner as shipped (packed data, fused Adam), both tasks",
        "mmseg's EncoderDecoder and DepthEstimator as its configs are, with the same encoder and "
        "decoder, one after the other", "samples/s", mmseg,
        Goal("at least", 1.5),
    )  # fmt: skip
    yield Case(
        "logged values wait", "our runner with ScalarsHook",
        "our runner with mmengine's RuntimeInfoHook", "samples/s", scalars, Goal("at least", 1.0),
    )  # fmt: skip
