"""TorchJD's weightings: how gradients are weighed by their inner products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn

from ....errors import ConfigError
from .rules import Build, Rule, check_options, known, of_tasks, seeded, tensors

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
"""How gradients can be weighed, by TorchJD's names, with the arguments that have no default."""


def weighting(name: str, num_tasks: int, options: Mapping[str, Any]) -> Weighting:
    """Return a rule for gradients by name.

    Raises:
        ConfigError: TorchJD or what it needs is missing, the name is unknown, or the options do
            not fit.
    """
    name = known(name, WEIGHTINGS, "weighting")
    from torchjd import aggregation

    # Those two are there as aggregators of Jacobians alone.
    rule_of = getattr(aggregation, name if name in ("NashMTL", "ConFIG") else f"{name}Weighting")
    check_options(rule_of, options)
    options = tensors({**WEIGHTINGS[name], **options}, torch.float64)

    def build(present: Sequence[int]) -> Rule:
        part = of_tasks(options, present)
        if name == "NashMTL":
            return rule_of(len(present), **part)
        rule = rule_of(**part)
        return (lambda gramian: _through_root(rule, gramian)) if name == "ConFIG" else rule

    try:
        if not (name == "NashMTL" and num_tasks <= 2):
            build(range(num_tasks))
        if name == "GradVac":
            return _GradVac(build, num_tasks)
        if name == "NashMTL":
            return _NashMTL(build, num_tasks, **options)
        return Weighting(build)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"{name} with {dict(options)}: {error}") from error


class Weighting(nn.Module):
    """A rule that makes task weights of the Gramian of the gradients of some of the tasks.

    Args:
        build: returns TorchJD's rule for the tasks with the given indices.
    """

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.build = build
        self.rules: dict[tuple[int, ...], Any] = {}

    def rule(self, present: Sequence[int]) -> Any:
        """Return the rule for the tasks with these indices, built once."""
        key = tuple(present)
        if key not in self.rules:
            self.rules[key] = self.build(present)
        return self.rules[key]

    def forward(self, gramian: Tensor, present: Sequence[int]) -> Tensor:
        """Return the weights (m,) for a Gramian (m,m) float64 on the CPU.

        The order in which PCGrad and GradVac visit tasks is drawn from the Gramian itself: the
        same on every rank and after a resume, and nothing to remember.
        """
        with seeded(crc32(gramian.numpy().tobytes()), gramian.device):
            return self.rule(present)(gramian)


class _GradVac(Weighting):
    """GradVac with its running cosines in a buffer."""

    def __init__(self, build: Build, num_tasks: int) -> None:
        super().__init__(build)
        self.register_buffer("cosines", torch.zeros(num_tasks, num_tasks, dtype=torch.float64))

    def forward(self, gramian: Tensor, present: Sequence[int]) -> Tensor:
        rule, part = self.rule(present), torch.tensor(present)
        rule._phi_t = self.cosines.cpu()[part[:, None], part].clone()
        rule._state_key = (len(part), gramian.dtype)
        weights = super().forward(gramian, present)
        part = part.to(self.cosines.device)
        self.cosines[part[:, None], part] = rule._phi_t.to(self.cosines)
        return weights


class _NashMTL(Weighting):
    """Nash-MTL: closed form for two tasks; TorchJD's solver from the last solution for more."""

    def __init__(self, build: Build, num_tasks: int, max_norm: float) -> None:
        super().__init__(build)
        self.max_norm = max_norm
        self.register_buffer("solution", torch.ones(num_tasks, dtype=torch.float64))

    def forward(self, gramian: Tensor, present: Sequence[int]) -> Tensor:
        if len(present) <= 2:
            weights = _nash_of_two(gramian)
            norm = (weights @ gramian @ weights).clamp(min=0).sqrt()
            clip = self.max_norm > 0 and norm > self.max_norm
            return weights / norm * self.max_norm if clip else weights
        rule, part = self.rule(present), list(present)
        rule.weighting.prvs_alpha = self.solution.cpu()[part].numpy().copy()
        weights = _through_root(rule, gramian)
        self.solution[part] = torch.from_numpy(rule.weighting.prvs_alpha).to(self.solution)
        return weights


def _through_root(aggregator: Callable[[Tensor], Tensor], gramian: Tensor) -> Tensor:
    """Return the weights that an aggregator of Jacobians gives for a Gramian.

    The aggregator commutes with rotations of the gradients, so any matrix with this Gramian may
    stand for them; its result lies in the span of the rows, and the weights are its coordinates.
    """
    values, vectors = torch.linalg.eigh(gramian)
    root = vectors * values.clamp(min=0).sqrt()
    return aggregator(root) @ torch.linalg.pinv(root)


def _nash_of_two(gramian: Tensor) -> Tensor:
    """Return the solution a of G a = 1 / a for one or two tasks."""
    norms = gramian.diagonal().sqrt()
    cosine = (gramian / norms[:, None] / norms)[0, -1] if len(norms) == 2 else gramian.new_zeros(())
    # Gradients that point against each other have no solution; the bound keeps it finite.
    return 1 / (norms * (1 + cosine).clamp(min=1e-6).sqrt())
