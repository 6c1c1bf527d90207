"""Values that contradict each other: each is found in a minimal config, and in no shipped one."""

from __future__ import annotations

import re

import pytest
from mmengine.logging import MMLogger

from mtl_plugins.config import check_lengths, final_config, load_config
from mtl_plugins.errors import ConfigError
from tests.config.test_config import BRANCHED, SHIPPED

ITERATIONS = "train_cfg=dict(_delete_=True, type=IterBasedTrainLoop, max_iters=4000)"
BY_ITERATION = [
    "default_hooks.checkpoint.by_epoch=False", "default_hooks.checkpoint.interval=500",
    "log_processor.by_epoch=False",
]  # fmt: skip
NO_VALIDATION = ["val_dataloader=None", "val_cfg=None", "val_evaluator=None"]
DECODER = (
    "model.decode_head.decoder=dict(_delete_=True, type=MMSegDecoder, head=dict(type=FCNHead, "
    "channels=8"
)
NO_BEST = "default_hooks.checkpoint.save_best=None"


def schedule(**arguments):
    """An option that replaces the decay of the default config."""
    return f"param_scheduler.1={dict(arguments, _delete_=True)!r}"


def cosine(**arguments):
    return schedule(type="CosineAnnealingLR", **arguments)


def restarts(*periods, **arguments):
    weights = [1] * len(periods)
    return schedule(
        type="CosineRestartLR", periods=[*periods], restart_weights=weights, **arguments, eta_min=0
    )


@pytest.fixture(scope="module")
def config():
    return load_config(BRANCHED)


@pytest.fixture
def warned(caplog):
    """Return a function that lists the warnings in the log."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield lambda: [record.message for record in caplog.records if record.levelname == "WARNING"]
    logger.removeHandler(caplog.handler)


ERRORS = [
    # A part without the others.
    (["val_dataloader=None"], "has val_cfg and val_evaluator, but no val_dataloader"),
    (["test_cfg=None"], "has test_dataloader and test_evaluator, but no test_cfg"),
    (["optim_wrapper=None"], "has train_dataloader and train_cfg, but no optim_wrapper"),
    # Loops and samplers.
    (["train_cfg=dict(_delete_=True, max_epochs=3)"], "expected either a type or by_epoch"),
    (
        ["train_cfg=dict(_delete_=True, by_epoch=True, max_epochs=3, max_iters=9)"],
        "has max_epochs and max_iters: a training that counts epochs needs max_epochs alone",
    ),
    (["train_cfg=dict(_delete_=True, type=SeededTrainLoop)"], "no length.* needs max_epochs"),
    (["train_dataloader.shuffle=True"], "a sampler, which gives the order.*sampler.shuffle"),
    (["train_dataloader.sampler.type=InfiniteSampler"], "an epoch never ends.*SeededSampler"),
    (["val_dataloader.sampler.type=InfiniteSampler"], "the evaluation never ends.*DefaultSampler"),
    (["optim_wrapper.accumulative_counts=0"], "accumulative_counts=0; expected a whole number"),
    # Hooks.
    (["custom_hooks=[dict(type=ParamSchedulerHook)]"], "schedule would run at double speed"),
    (["custom_hooks=[dict(type=CheckpointHook)]"], "custom_hooks.0 write the same checkpoints"),
    (["custom_hooks=[dict(type=EMAHook, begin_epoch=9)]"], "begin_epoch=9.*has 4 epochs"),
    (
        ["default_hooks.checkpoint={interval: 9, save_last: False}", NO_BEST],
        "saves every 9 epochs and not the last state.*4 epochs, so that nothing is saved",
    ),
    # Optimizers.
    (["optim_wrapper.optimizer.type=LBFGS"], "'LBFGS' cannot train a network here: .*closure"),
    (["optim_wrapper.optimizer.type=SparseAdam"], "'SparseAdam' cannot train .* dense gradients"),
    (
        ["optim_wrapper.paramwise_cfg={norm_decay_mult: 0}"],
        "norm_decay_mult, a multiple of a weight decay.*set optim_wrapper.optimizer.weight_decay",
    ),
    (
        ["optim_wrapper.constructor=LayerDecayOptimizerConstructor"],
        "knows the layers of mmseg's ConvNeXt, MAE and BEiT alone.*custom_keys",
    ),
    # Data and pipelines.
    (
        ["val_dataloader.dataset.pipeline.2={type: RandomCrop, crop_size: (32, 32)}"],
        "pipeline.2 is a RandomCrop: an evaluation predicts the whole image",
    ),
    (["train_dataloader.dataset.targets=(semseg,)"], "No data set of train_.* truth of depth"),
    (
        ["model.decode_head.task_heads.normals={}", "model.balancer=None"],
        r"No data set of train_dataloader has the truth of normals.*normals=None",
    ),
    (
        ["val_dataloader.dataset.targets=(normals,)"],
        "No data set of val_dataloader has the truth of semseg, depth",
    ),
    (
        [
            "val_dataloader.dataset.targets=(depth,)",
            "default_hooks.checkpoint.save_best=semseg/mIoU",
        ],
        "save_best='semseg/mIoU'.*Choose from depth/",
    ),
    (["param_scheduler.1=dict(_delete_=True, type=ReduceOnPlateauLR)"], "monitor='val/loss'"),
    (["default_hooks.checkpoint.save_best=3"], "save_best=3; expected the name of a metric"),
    # Validations that never come.
    (["train_cfg.val_begin=5"], "val_begin=5, and the training has 4 epochs: it is never valid"),
    (
        [*NO_VALIDATION, "param_scheduler.1=dict(_delete_=True, type=ReduceOnPlateauLR)"],
        r"param_scheduler\.1 follows a metric, and the training is not validated",
    ),
    (
        [*NO_VALIDATION, "custom_hooks=[dict(type=EarlyStoppingHook, monitor=depth/rmse)]"],
        r"custom_hooks\.0 follows a metric, and the training is not validated",
    ),
    (
        ["val_evaluator=dict(_delete_=True, type=IoUMetric, iou_metrics=[mIoU])"],
        "save_best='multitask/score'.*Choose from aAcc, mAcc, mIoU",
    ),
    (
        [
            "val_evaluator=[dict(type=MultiTaskMetric), dict(type=IoUMetric, iou_metrics=[mIoU])]",
            "default_hooks.checkpoint.save_best=mDice",
        ],
        "save_best='mDice'.*Choose from .* mIoU",
    ),
    (
        ["val_evaluator=dict(_delete_=True, type=DepthMetric)"],
        "save_best='multitask/score'.*Give a name that DepthMetric reports",
    ),
    # Schedules.
    (
        ["param_scheduler.1.end=4", "train_cfg.max_epochs=8"],
        r"\.1 \(PolyLR\) ends with end=4 epochs: from epoch 5 of 8 on the learning rate .* at 0\.",
    ),
    (["param_scheduler.1.end=2"], "from epoch 3 of 4 on .* stays at 0"),
    (
        ["param_scheduler.1.convert_to_iter_based=False", "param_scheduler.1.end=3"],
        "from epoch 3 of 4 on .* stays at 0",
    ),
    (["param_scheduler.1.end=many"], "end='many'; expected a whole number"),
    (["param_scheduler.1.begin=4"], "begins at 4 and ends at 4 epochs; expected an end after"),
    (["param_scheduler.0.end=0"], "begins at 0 and ends at 0 iterations"),
    (["param_scheduler.0.convert_to_iter_based=True"], "by_epoch=False and convert_to_iter_based"),
    (["param_scheduler.0.start_factor=3"], r"LinearLR\) cannot be built.*between 0 and 1\.$"),
    ([schedule(type="OneCycleLR", eta_max=0.1, total_steps=2)], "total_steps=2 for 4 epochs"),
    ([ITERATIONS], r"PolyLR\) counts epochs .*, and the training counts iterations"),
    (
        [ITERATIONS, schedule(type="PolyLR", by_epoch=False, end=1000)],
        "from iteration 1000 of 4000 on .* stays at 0",
    ),
]


@pytest.mark.parametrize(("options", "message"), ERRORS)
def test_what_cannot_be_meant_is_an_error(options, message, config):
    with pytest.raises(ConfigError, match=message):
        final_config(config, options)


WARNINGS = [
    ([*NO_VALIDATION], "save_best='multitask/score', but the training is not validated"),
    (["default_hooks.checkpoint=None"], "no checkpoint is saved, so the trained weights are lost"),
    (["default_hooks.checkpoint.interval=9"], "saves every 9 epochs.* at the end alone"),
    (["default_hooks.checkpoint.interval=-1"], "has no interval.* at the end alone"),
    (
        [ITERATIONS, schedule(type="PolyLR", by_epoch=False)],
        "saves every 1 epochs, and the training has 4000 iterations.*with by_epoch=False",
    ),
    (["val_dataloader.drop_last=True"], "drop_last=True leaves the last images out"),
    (["custom_hooks=[dict(type=NonFiniteHook)]"], "default_hooks.nonfinite is, so both run"),
    # Arguments of mmseg's models.
    (["model.train_cfg=dict(sampler=x)"], r"train_cfg=.* has no effect: leave it out"),
    ([f"{DECODER}, loss_decode=dict(type=DiceLoss)))"], "loss_decode has no effect.*task head"),
    ([f"{DECODER}, sampler=dict(type=OHEMPixelSampler)))"], "sampler has no effect.*MaskedOHEM"),
    (
        ["val_dataloader.dataset.pipeline.2={type: FlipTargets}"],
        "pipeline.2 is a FlipTargets, so that the metrics are those of images changed at random",
    ),
    (["optim_wrapper.optimizer.lr=0"], "lr=0: nothing is learned"),
    (
        [ITERATIONS, "train_cfg.val_interval=1", schedule(type="PolyLR", by_epoch=False)],
        "val_interval=1 validates after every iteration",
    ),
    (
        [ITERATIONS, schedule(type="PolyLR", by_epoch=False)],
        "counts iterations, so its log would say.*set log_processor.by_epoch=False",
    ),
    # Schedules that end early, late, or never.
    (
        ["param_scheduler.1={end: 2, eta_min: 1e-5}"],
        "from epoch 3 of 4 on the learning rate stays at 1e-05",
    ),
    # (1 + cos(pi / 2)) / 2 of 1e-3 in the second epoch.
    ([cosine(end=2)], "end=2 epochs: from epoch 2 of 4 on the learning rate stays at 0.0005"),
    ([schedule(type="ExponentialLR", gamma=0.1, end=2)], "from epoch 2 of 4 on .* stays at 0.0001"),
    ([restarts(1, 2)], "periods=3 epochs: from epoch 3 of 4 on .* stays at 0.0005"),
    (["param_scheduler.1.convert_to_iter_based=False"], "rate of the whole last epoch is 0"),
    (
        ["param_scheduler.1.end=8"],
        r"lasts 8 epochs \(end\), and the training has 4.* Leave end out",
    ),
    ([cosine(T_max=9)], r"lasts 9 epochs \(T_max\), and the training has 4"),
    ([cosine(T_max=2)], "T_max=2 in a range of 4 epochs: after 2 the learning rate rises again"),
    ([restarts(1, 9)], r"lasts 10 epochs \(periods\), and the training has 4"),
    ([schedule(type="LinearLR", end=6)], r"LinearLR\) lasts 6 epochs"),
    ([schedule(type="OneCycleLR", eta_max=0.1, total_steps=20)], "lasts 20 epochs .total_steps"),
    (["param_scheduler.1={begin: 5, end: 9}"], "begins at 5 epochs, .* has 4: it does nothing"),
    ([schedule(type="MultiStepLR", milestones=[2, 4])], r"milestones \[4\].* does not fall there"),
    ([schedule(type="StepLR", step_size=4)], "step_size=4.* the rate never falls"),
    ([schedule(type="PolyLR", by_epoch=False, end=4)], "ends after 4 iterations .*4 epochs"),
    (
        ["param_scheduler=[dict(type=PolyLR), dict(type=PolyLR, begin=2)]"],
        r"0 \(PolyLR\) and .*1 \(PolyLR\) act at the same time, so the rate falls twice",
    ),
    (
        ["param_scheduler=[dict(type=OneCycleLR, eta_max=0.1), dict(type=StepLR, step_size=2)]"],
        r"0 \(OneCycleLR\) sets the learning rate itself, whatever .*1 \(StepLR\) does",
    ),
]


@pytest.mark.parametrize(("options", "message"), WARNINGS)
def test_what_may_be_meant_is_a_warning(options, message, config, warned):
    final_config(config, options)
    assert any(re.search(message, text) for text in warned())


QUIET = [
    [],
    ["model.train_cfg=dict()"],
    [f"{DECODER}, loss_decode=dict(type=CrossEntropyLoss, loss_weight=0.4)))"],
    ["train_cfg.max_epochs=30"],
    ["param_scheduler.1.end=None"],
    ["train_cfg.val_interval=9"],  # the last epoch is validated anyway
    [*NO_VALIDATION, NO_BEST],
    [cosine(), "train_cfg.max_epochs=9"],
    [cosine(begin=1, eta_min=1e-5, convert_to_iter_based=True)],
    ["param_scheduler=[dict(type=OneCycleLR, eta_max=0.1, convert_to_iter_based=True)]"],
    [schedule(type="MultiStepLR", milestones=[2, 3])],
    [schedule(type="LinearLR", end=2, convert_to_iter_based=True)],
    [schedule(type="ReduceOnPlateauLR", monitor="depth/rmse")],
    [schedule(type="PolyLR", by_epoch=False)],
    [ITERATIONS, schedule(type="PolyLR", by_epoch=False, begin=50), *BY_ITERATION],
    [
        ITERATIONS, schedule(type="PolyLR", by_epoch=False), *BY_ITERATION,
        "train_dataloader.sampler.type=InfiniteSampler",
    ],
    ["custom_hooks=[dict(type=EMAHook)]", "train_dataloader.num_workers=0"],
    ["custom_hooks=[dict(type=CheckpointHook, by_epoch=False, interval=50)]"],
]  # fmt: skip


@pytest.mark.parametrize("options", QUIET)
def test_what_fits_is_left_alone(options, config, warned):
    final_config(config, options)
    assert warned() == []


# The steps of the ladder have the schedule of the first.
FULL = [(path, "full") for path in SHIPPED if "/ladder/" not in path or "b01" in path]
SMALL = [(path, "small") for path, _ in FULL if "/ladder/" in path]


@pytest.mark.parametrize(("path", "size"), FULL + SMALL)
def test_no_shipped_config_contradicts_itself(path, size, warned, monkeypatch):
    monkeypatch.setenv("LADDER_SIZE", size)
    check_lengths(final_config(path), epochs=4, per_epoch=100)
    assert warned() == []


@pytest.mark.parametrize(
    ("options", "per_epoch", "message"),
    [
        (["param_scheduler.0.end=50"], 5, r"LinearLR\) lasts 50 iterations .* training has 20 "),
        ([schedule(type="PolyLR", by_epoch=False, end=9000)], 100, "lasts 9000 .* has 400 "),
        ([schedule(type="PolyLR", by_epoch=False, begin=500, end=900)], 100, "it does nothing"),
        ([schedule(type="PolyLR", by_epoch=False, end=200, eta_min=1e-5)], 100, "epoch 3 of 4 on"),
    ],
)
def test_iterations_are_checked_when_the_data_is_known(options, per_epoch, message, config, warned):
    final = final_config(config, options)
    assert warned() == []
    check_lengths(final, 4, per_epoch)
    [text] = warned()
    assert re.search(message, text)


def test_a_rate_of_zero_within_iterations_is_an_error(config):
    final = final_config(config, [schedule(type="PolyLR", by_epoch=False, end=100)])
    with pytest.raises(ConfigError, match=r"end=100 iterations: from epoch 3 of 4 on .* at 0"):
        check_lengths(final, 4, 60)


def test_an_evaluation_is_not_stopped_by_its_training(config):
    options = ["param_scheduler.1.end=2", "train_dataloader.sampler.type=InfiniteSampler"]
    final_config(config, options, training=False)
    with pytest.raises(ConfigError, match="the evaluation never ends"):
        final_config(config, ["test_dataloader.sampler.type=InfiniteSampler"], training=False)


def test_lengths_of_none_follow_the_training(config):
    options = [
        "param_scheduler.1=dict(_delete_=True, type=CosineAnnealingLR, end=None, T_max=None)"
    ]
    assert final_config(config, options).param_scheduler[1] == dict(type="CosineAnnealingLR")


def test_loaders_without_workers_get_no_arguments_of_workers(config):
    options = ["train_dataloader={num_workers: 0, prefetch_factor: 4}"]
    loader = final_config(config, options).train_dataloader
    assert loader.persistent_workers is False and "prefetch_factor" not in loader
