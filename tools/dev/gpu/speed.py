"""How fast training is: balancers, fast settings, data."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from ..balancers import all_balancers
from ..bench import Settings as BenchSettings
from ..bench.row import NotMeasured, load_row
from ..bench.rows.data import ON_DEVICE
from ..bench.rows.step import Trainings
from ..bench.steps import TrainingStep
from ..bench.turns import in_turns
from .case import Findings, Settings, case


def bench(settings: Settings, repeats: int = 3) -> BenchSettings:
    """Return the settings of the benchmark's rows for this run."""
    return BenchSettings(
        settings.root, settings.scratch("bench"), settings.device, settings.quick, repeats
    )


def run_row(
    settings: Settings, findings: Findings, name: str, wanted: Callable[[str], bool] | None = None
) -> None:
    """Measure the cases of a row of the benchmark; its goals are the bounds."""
    for each in load_row(name).cases(bench(settings)):
        if wanted and not wanted(each.name):
            continue
        result = each.run()
        if result.skipped:
            findings.note(**{each.name: result.skipped})
            continue
        ours = float(np.median(result.ours))
        findings.note(**{f"{each.name} [{each.unit}]": ours})
        if result.other:
            ratio = ours / float(np.median(result.other))
            # A tiny size measures nothing.
            goal = None if settings.quick else each.goal
            bounds = {goal.kind.replace(" ", "_"): goal.bound} if goal else {}
            findings.bound(f"{each.name} [ratio]", ratio, **bounds)


def compiled(name: str) -> bool:
    """Return whether a case of the row `switches` compiles."""
    return name == "+ compile" or name.endswith("compiled")


@case(rank=9, limit=60)
def fast_settings(settings: Settings, findings: Findings) -> None:
    """Fast settings against plain float32, and shares of the card's peak, not compiled."""
    run_row(settings, findings, "switches", lambda name: not compiled(name))


@case(rank=13, limit=150)
def compiled_settings(settings: Settings, findings: Findings) -> None:
    """The same compiled, and shares of the card's peak: ResNet-34, ViT-B with DPT."""
    run_row(settings, findings, "switches", compiled)


@case(rank=12, limit=120)
def balancers(settings: Settings, findings: Findings) -> None:
    """Every balancer at both levels: at most 1.05 of fixed weights, one wait for the device.

    At the parameter level every task has its own backward pass, and which parameters are shared is
    a second wait. TorchJD's GeometricMean waits once more for a check of its own.
    """
    chosen = bench(settings, settings.choose(3, 1))
    config = partial(chosen.config, "mtl_branched.py")
    size, batch = settings.choose((256, 256), (32, 64)), settings.choose(16, 2)

    def step(balancer: dict[str, Any]) -> TrainingStep:
        built = config()
        built.model.balancer = balancer
        return TrainingStep(built, size, batch, chosen.place)

    fixed = step(dict(type="FixedWeights"))
    own_waits = waits_of(fixed, settings)
    findings.note(fixed_waits=own_waits)
    found = all_balancers()
    for name in [*found][:: settings.choose(1, 6)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one = step(found[name])
            one()
            taken = in_turns(one, fixed, chosen)
        ratio = float(np.median(np.divide(taken.ours, taken.other)))
        key = name.replace(", ", "_")
        twice = name.endswith("parameters")
        findings.bound(key, ratio, at_most=None if settings.quick or twice else 1.05)
        waits = waits_of(one, settings) - own_waits
        findings.bound(f"{key}_waits", waits, at_most=2 if twice or name == "GeometricMean" else 1)
    findings.note(fixed_ms=1e3 * float(np.median(taken.other)))


def waits_of(run: Callable[[], Any], settings: Settings) -> int:
    """Return how often a call waits for the device."""
    if settings.device != "cuda":
        run()
        return 0
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in caught)


@case(rank=12, limit=90)
def waiting_for_data(settings: Settings, findings: Findings) -> None:
    """Packed data with flips and colours on the device: the share of a step spent waiting."""
    chosen = bench(settings, settings.choose(3, 1))
    trainings = Trainings(chosen)
    trainings.augmentation = ON_DEVICE
    taken = [trainings.ours() for _ in range(chosen.repeats)]
    shares = [each.waiting / each.seconds for each in taken]
    findings.bound(
        "waiting_share", float(np.median(shares)), at_most=None if settings.quick else 0.02
    )
    rates = [trainings.images / each.seconds for each in taken]
    findings.note(images_per_s=float(np.median(rates)), workers=trainings.workers)


@case(rank=15, limit=120)
def runner(settings: Settings, findings: Findings) -> None:
    """The runner against a bare loop, and reading logged values late against at once."""
    run_row(settings, findings, "step", lambda name: "mmseg" not in name)


@case(rank=18, limit=90)
def losses_and_bins(settings: Settings, findings: Findings) -> None:
    """Losses and metrics as shares of a step; attention to bins against the plain formula."""
    for name in ("losses", "bins"):
        try:
            run_row(settings, findings, name)
        except NotMeasured as reason:
            findings.note(**{name: str(reason)})
