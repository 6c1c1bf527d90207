"""TorchJD's scalarizers: combine the tasks' losses into one scalar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from ....errors import ConfigError
from ..gradients import sum_over_ranks
from .rules import Build, Rule, check_options, chosen, known, of_tasks, seeded, tensors

if TYPE_CHECKING:
    from torchjd.scalarization import DWA, FAMO

SCALARIZERS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("UW", "DWA", "Random", "GeometricMean", "IMTLL", "FAMO")},
    "STCH": dict(mu=1.0),
}
"""Scalarizers by TorchJD's names, with values for the arguments that have no default there."""


def scalarizer(name: str, num_tasks: int, options: Mapping[str, Any]) -> Scalarizer:
    """Return a rule for losses by name.

    Args:
        name: as in `SCALARIZERS`; case, "-" and "_" do not matter.
        num_tasks: number of tasks.
        options: arguments of TorchJD's class; DWA's `period` is ours.

    Raises:
        ConfigError: TorchJD is missing, the name is unknown, or the options do not fit.
    """
    name = known(name, SCALARIZERS, "scalarizer")
    from torchjd import scalarization

    rule_of = getattr(scalarization, name)
    check_options(rule_of, options, also=["period"] if name == "DWA" else [])
    arguments = tensors({**SCALARIZERS[name], **options})

    def build(present: Sequence[int]) -> Rule:
        return rule_of(**of_tasks(arguments, present))

    try:
        if name == "DWA":
            return _DWA(num_tasks, **arguments)
        if name == "FAMO":
            return _FAMO(num_tasks, **arguments)
        if name in ("UW", "IMTLL"):
            return _Learned(rule_of(num_tasks, **arguments))
        build(range(num_tasks))
        return (_Random if name == "Random" else Scalarizer)(build)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} with {arguments}: {error}") from error


class Scalarizer(nn.Module):
    """A rule that combines the losses of some of the tasks into one scalar.

    Args:
        build: builds TorchJD's scalarizer for the tasks with the given indices.
    """

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.build = build

    def read(self) -> list[Tensor]:
        """Return what of the state decides how a step is computed, as vectors.

        A step copies them to the host together, with `present`: each copy waits for the device.
        """
        return []

    def observe(self, values: Tensor, present: Tensor, known: Sequence[float]) -> Sequence[float]:
        """Update the state from a batch, and return `known` as it is then.

        Args:
            values: losses (T,) without graph.
            present: which of them exist (T, bool).
            known: the numbers of `read`.
        """
        return known

    def forward(self, values: Tensor, present: Sequence[int], known: Sequence[float]) -> Tensor:
        """Return the scalar of the losses (m,) of the tasks with these indices."""
        return self.build(present)(values)


class _Learned(Scalarizer):
    """UW and IMTL-L: one learned number per task; a batch uses those of its own tasks."""

    def __init__(self, rule: nn.Module) -> None:
        super().__init__(lambda present: rule)
        self.rule = rule

    def forward(self, values: Tensor, present: Sequence[int], known: Sequence[float]) -> Tensor:
        used = {name: chosen(value, present) for name, value in self.rule.named_parameters()}
        return torch.func.functional_call(self.rule, used, (values,))


class _Random(Scalarizer):
    """Random weights seeded by a counter, so that ranks agree and a resumed run continues."""

    drawn: Tensor

    def __init__(self, build: Build) -> None:
        super().__init__(build)
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def read(self) -> list[Tensor]:
        return [self.drawn[None]]

    def forward(self, values: Tensor, present: Sequence[int], known: Sequence[float]) -> Tensor:
        self.drawn += 1
        with seeded(int(known[0]) + 1, values.device):
            return super().forward(values, present, known)


class _DWA(Scalarizer):
    """DWA with its history in buffers: every step replays it to a new TorchJD rule.

    Args:
        num_tasks: number of tasks.
        period: steps per epoch; default: the runner's epochs.
        **options: TorchJD's.
    """

    steps: Tensor
    sums: Tensor
    counts: Tensor
    averages: Tensor
    epoch: Tensor

    def __init__(self, num_tasks: int, period: int | None = None, **options: Any) -> None:
        from torchjd.scalarization import DWA

        self.new_rule: Callable[[], DWA] = lambda: DWA(**options)
        super().__init__(lambda present: self.new_rule())
        self.new_rule()  # raises an error if an option is wrong
        if period is not None and period < 1:
            raise ValueError(f"period={period}: expected a number of steps >= 1.")
        self.period = period
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("sums", torch.zeros(num_tasks))
        self.register_buffer("counts", torch.zeros(num_tasks))
        # Mean losses of the last epoch but one and of the last; 0: unknown.
        self.register_buffer("averages", torch.zeros(2, num_tasks))
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))

    def read(self) -> list[Tensor]:
        return [self.steps[None], self.epoch[None], (self.averages > 0).all(dim=0)]

    def observe(self, values: Tensor, present: Tensor, known: Sequence[float]) -> Sequence[float]:
        if self.period:
            epoch = int(known[0]) // self.period
        else:
            epoch = MessageHub.get_current_instance().get_info("epoch", 0)
        self.steps += 1
        ended = epoch != known[1]
        if ended:
            self._end_epoch()
            self.epoch.fill_(epoch)
        sums, counts = _over_ranks(values, present)
        self.sums += sums
        self.counts += counts
        return torch.cat([each.double() for each in self.read()]).tolist() if ended else known

    def _end_epoch(self) -> None:
        last = torch.where(self.counts > 0, self.sums / self.counts, self.averages[1])
        self.averages.copy_(torch.stack([self.averages[1], last]))
        self.sums.zero_()
        self.counts.zero_()

    def forward(self, values: Tensor, present: Sequence[int], known: Sequence[float]) -> Tensor:
        rule = self.new_rule()
        if all(known[2 + task] for task in present):
            for average in chosen(self.averages, present):
                rule(average)
                rule.step()
        return rule(values)


class _FAMO(Scalarizer):
    """FAMO with its logits and their Adam state in buffers.

    FAMO compares a batch's losses before and after an update. The losses after it are taken from
    the next batch instead: recomputing them on the same one would cost another forward pass. Both
    ways the differences add up to the change over the run.
    """

    logits: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    before: Tensor
    updates: Tensor

    def __init__(self, num_tasks: int, **options: Any) -> None:
        from torchjd.scalarization import FAMO

        rule = FAMO(num_tasks, **options)
        super().__init__(lambda present: rule)
        # FAMO's logits are a parameter that the model's optimizer must not see: a tuple keeps the
        # rule out of the module tree.
        self.hidden: tuple[FAMO] = (rule,)
        for name in ("logits", "exp_avg", "exp_avg_sq", "before"):
            self.register_buffer(name, torch.zeros(num_tasks))
        self.register_buffer("updates", torch.zeros(()))

    def read(self) -> list[Tensor]:
        return [self.updates[None], self.before > 0]

    def observe(self, values: Tensor, present: Tensor, known: Sequence[float]) -> Sequence[float]:
        sums, counts = _over_ranks(values, present)
        after = torch.where(counts > 0, sums / counts.clamp(min=1), self.before)
        # A task that is missing, now or before, counts as unchanged.
        both = self.before > 0
        if any(known[1:]):
            before, now = (torch.where(both, each, 1.0) for each in (self.before, after))
            self._update(before, now, known[0])
        self.before.copy_(after)
        return known

    def _update(self, before: Tensor, after: Tensor, updates: float) -> None:
        rule, adam = self._restored(before.device, updates)
        rule(before)
        rule.update(after)
        state = adam.state[rule._w]
        self.logits.copy_(rule._w.detach())
        self.exp_avg.copy_(state["exp_avg"])
        self.exp_avg_sq.copy_(state["exp_avg_sq"])
        self.updates += 1

    def _restored(self, device: torch.device, updates: float) -> tuple[FAMO, torch.optim.Adam]:
        """Return TorchJD's object and its optimizer with the state of the buffers."""
        (rule,) = self.hidden
        rule.to(device)
        rule._w.data.copy_(self.logits)
        adam = torch.optim.Adam([rule._w], lr=rule.lr, weight_decay=rule.weight_decay)
        rule._optimizer = adam
        if updates:
            adam.state[rule._w] = dict(
                step=torch.tensor(updates),
                exp_avg=self.exp_avg.clone(),
                exp_avg_sq=self.exp_avg_sq.clone(),
            )
        return rule, adam

    def forward(self, values: Tensor, present: Sequence[int], known: Sequence[float]) -> Tensor:
        (rule,) = self.hidden
        rule.to(values.device)
        state = {
            "_w": chosen(self.logits, present), "min_losses": chosen(rule.min_losses, present),
        }  # fmt: skip
        return torch.func.functional_call(rule, state, (values,))


def _over_ranks(values: Tensor, present: Tensor) -> Tensor:
    """Return, summed over all ranks, the losses that exist and their number, both in 2,T."""
    return sum_over_ranks(torch.stack([torch.where(present, values, 0.0), present.float()]))
