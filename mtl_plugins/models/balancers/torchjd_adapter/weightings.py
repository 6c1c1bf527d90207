"""TorchJD's weightings: derive the tasks' weights from the inner products of their gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ....errors import ConfigError
from .rules import Build, Rule, check_options, known, of_tasks, seeded, tensors

if TYPE_CHECKING:
    from torchjd.aggregation import GradVacWeighting, NashMTL

WEIGHTINGS: dict[str, dict[str, Any]] = {
    "MGDA": {},
    "PCGrad": {},
    "GradVac": {},
    "CAGrad": dict(c=0.5),
    "IMTLG": {},
    "NashMTL": dict(max_norm=1.0),
    "AlignedMTL": {},
    "UPGrad": {},
    "DualProj": {},
    "ConFIG": {},
    "FairGrad": dict(alpha=1.0),
    "Mean": {},
    "Sum": {},
}
"""Weightings by TorchJD's names, with values for the arguments that have no default there."""


def weighting(name: str, num_tasks: int, options: Mapping[str, Any]) -> Weighting:
    """Return a rule for gradients by name.

    Args:
        name: as in `WEIGHTINGS`; case, "-" and "_" do not matter.
        num_tasks: number of tasks.
        options: arguments of TorchJD's class.

    Raises:
        ConfigError: TorchJD or one of its dependencies is missing, the name is unknown, or the
            options do not fit.
    """
    name = known(name, WEIGHTINGS, "weighting")
    from torchjd import aggregation

    # TorchJD has these two only as aggregators of Jacobians.
    rule_of = getattr(aggregation, name if name in ("NashMTL", "ConFIG") else f"{name}Weighting")
    check_options(rule_of, options)
    arguments = tensors({**WEIGHTINGS[name], **options}, torch.float64)

    def build(present: Sequence[int]) -> Rule:
        rule: Rule = rule_of(**of_tasks(arguments, present))
        return (lambda gramian: _through_root(rule, gramian)) if name == "ConFIG" else rule

    try:
        if name == "GradVac":
            return _GradVac(num_tasks, **arguments)
        if name == "NashMTL":
            return _NashMTL(num_tasks, **arguments)
        build(range(num_tasks))
        return Weighting(build)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"{name} with {arguments}: {error}") from error


class Weighting(nn.Module):
    """A rule that derives task weights from the Gramian of some of the tasks' gradients.

    Args:
        build: builds TorchJD's rule for the tasks with the given indices.
    """

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.build = build
        self.rules: dict[tuple[int, ...], Rule] = {}

    def rule(self, present: Sequence[int]) -> Rule:
        """Return the rule for the tasks with these indices, built once."""
        key = tuple(present)
        if key not in self.rules:
            self.rules[key] = self.build(present)
        return self.rules[key]

    def forward(self, gramian: Tensor, present: Sequence[int], *state: Tensor) -> Tensor:
        """Return the weights (m,) for a Gramian (m,m) float64 and the buffers, both on the CPU.

        The Gramian seeds the order in which PCGrad and GradVac visit tasks, so the order is the
        same on every rank and after a resume, and needs no stored state.
        """
        with seeded(crc32(gramian.numpy().tobytes()), gramian.device):
            return self.rule(present)(gramian)


class _GradVac(Weighting):
    """GradVac with its running cosines in a buffer."""

    cosines: Tensor

    def __init__(self, num_tasks: int, **options: Any) -> None:
        from torchjd.aggregation import GradVacWeighting

        super().__init__(lambda present: GradVacWeighting(**options))
        self.rule(range(num_tasks))  # raises an error if an option is wrong
        self.register_buffer("cosines", torch.zeros(num_tasks, num_tasks, dtype=torch.float64))

    def forward(self, gramian: Tensor, present: Sequence[int], *state: Tensor) -> Tensor:
        rule, part = cast("GradVacWeighting", self.rule(present)), torch.tensor(present)
        (cosines,) = state
        rule.register_buffer("_phi_t", cosines[part[:, None], part].clone())
        rule._state_key = (len(part), gramian.dtype)
        weights = super().forward(gramian, present)
        cosines[part[:, None], part] = rule.get_buffer("_phi_t")
        self.cosines.copy_(cosines, non_blocking=True)
        return weights


class _NashSolver(Protocol):
    """The part of TorchJD's solver, a private class, that is used here."""

    prvs_alpha: NDArray[np.floating]


class _NashMTL(Weighting):
    """Nash-MTL: closed form for two tasks; for more, TorchJD's solver from the last solution."""

    solution: Tensor

    def __init__(self, num_tasks: int, max_norm: float) -> None:
        from torchjd.aggregation import NashMTL

        super().__init__(lambda present: NashMTL(len(present), max_norm=max_norm))
        if num_tasks > 2:
            self.rule(range(num_tasks))  # raises an error if the solver is not installed
        self.max_norm = max_norm
        self.register_buffer("solution", torch.ones(num_tasks, dtype=torch.float64))

    def forward(self, gramian: Tensor, present: Sequence[int], *state: Tensor) -> Tensor:
        if len(present) <= 2:
            weights = _nash_of_two(gramian)
            norm = (weights @ gramian @ weights).clamp(min=0).sqrt()
            clip = self.max_norm > 0 and norm > self.max_norm
            return weights / norm * self.max_norm if clip else weights
        rule, part = cast("NashMTL", self.rule(present)), list(present)
        solver = cast(_NashSolver, rule.weighting)
        (solution,) = state
        solver.prvs_alpha = solution[part].numpy().copy()
        weights = _through_root(rule, gramian)
        solution[part] = torch.from_numpy(solver.prvs_alpha).to(solution)
        self.solution.copy_(solution, non_blocking=True)
        return weights


def _through_root(aggregator: Callable[[Tensor], Tensor], gramian: Tensor) -> Tensor:
    """Return the weights that an aggregator of Jacobians gives for a Gramian.

    The aggregator commutes with rotations of the gradients, so any matrix with this Gramian may
    replace them. Its result lies in the span of the rows, and the weights are its coordinates.
    """
    values, vectors = torch.linalg.eigh(gramian)
    root = vectors * values.clamp(min=0).sqrt()
    return aggregator(root) @ torch.linalg.pinv(root)


def _nash_of_two(gramian: Tensor) -> Tensor:
    """Return the solution a of G a = 1 / a for one or two tasks."""
    norms = gramian.diagonal().sqrt()
    cosine = (gramian / norms[:, None] / norms)[0, -1] if len(norms) == 2 else gramian.new_zeros(())
    # Opposite gradients have no solution; the bound keeps the result finite.
    return 1 / (norms * (1 + cosine).clamp(min=1e-6).sqrt())
