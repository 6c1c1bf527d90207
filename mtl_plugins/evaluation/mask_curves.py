"""Masks and saliency from their probabilities, at many thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmseg.registry import METRICS
from torch import Tensor

from ..errors import ConfigError, DataError
from ..targets import Target, named_targets, targets_in
from ..utils import did_you_mean
from .measure import Measure
from .streaming_metric import StreamingMetric, Sums


@dataclass(frozen=True)
class Protocol:
    """How a publication measures masks.

    Args:
        thresholds: of the probability.
        inclusive: whether a pixel with the probability of the threshold belongs to the mask.
        beta_squared: weight of the precision in F.
        pooled: precision and recall of the pixels of all images; False: means over the images.
        squashed: apply a sigmoid to the probability before it is compared.
        ignores: leave out pixels without truth; False: they count as 1.
    """

    thresholds: tuple[float, ...]
    inclusive: bool = True
    beta_squared: float = 0.3
    pooled: bool = True
    squashed: bool = False
    ignores: bool = True


STEPS = tuple(round(step / 20, 2) for step in range(1, 20))

PROTOCOLS = dict(
    pooled=Protocol(STEPS),
    per_image=Protocol(
        tuple(torch.linspace(0.2, 0.9, 15, dtype=torch.float64).tolist()),
        inclusive=False,
        beta_squared=1.0,
        pooled=False,
        ignores=False,
    ),
    squashed_twice=Protocol(STEPS, squashed=True),
)
"""Published ways to measure saliency, which give different numbers for the same network.

`pooled`: ATRC (Bruggemann et al. 2021), and SAK's corrected evaluation. `per_image`: Multi-Task-
Learning-PyTorch (Vandenhende et al. 2020), which does not know pixels without truth.
`squashed_twice`: InvPT (Ye and Xu 2022) and the networks that build on its code, in which only
four thresholds select."""


def mask_counts(probability: Tensor, truth: Tensor, protocol: Protocol) -> Tensor:
    """Count pixels at every threshold of a protocol.

    Args:
        probability: of 1, any shape, 0..1.
        truth: 0, 1, or 255 for none, the same shape.

    Returns:
        T,3 int64 on the CPU: pixels that are 1 in both, predicted 1, and truly 1.

    >>> counts = mask_counts(torch.tensor([0.9, 0.6]), torch.tensor([1, 0]), PROTOCOLS["pooled"])
    >>> counts[[9, 16]].tolist()    # thresholds 0.5 and 0.85
    [[1, 2, 1], [1, 1, 1]]
    """
    known = (truth == 0) | (truth == 1)
    positive = truth == 1 if protocol.ignores else truth != 0
    if protocol.squashed:
        probability = probability.sigmoid()
    if protocol.ignores:
        probability, positive = probability[known], positive[known]
    rows = []
    for threshold in protocol.thresholds:
        chosen = probability >= threshold if protocol.inclusive else probability > threshold
        rows.append(torch.stack([(chosen & positive).sum(), chosen.sum(), positive.sum()]))
    return torch.stack(rows).cpu()


@dataclass
class CurveSums(Sums):
    """Sums over images, at every threshold.

    Args:
        measured: number of images with truth.
        counts: T,3, see `mask_counts`.
        shares: T,3, sums over images of precision, recall and IoU.
    """

    measured: int = 0
    counts: Tensor | None = None
    shares: Tensor | None = None


@METRICS.register_module()
class SaliencyMetric(StreamingMetric[CurveSums]):
    """Measure the probabilities of a mask at many thresholds, as publications on saliency do.

    The metrics are `<target>/<protocol>/maxF`, the largest F = (1 + b) P R / (b P + R) of all
    thresholds, b = beta squared, and `<target>/<protocol>/mIoU`, the largest mean over the images
    of the IoU of the mask; both in percent. Precision, recall and IoU are 0 where they are not
    defined, and IoU is 1 where neither truth nor prediction has a pixel.

    Args:
        target: name of the target; default: the first one of type `binary`.
        protocol: a name of `PROTOCOLS`.

    Raises:
        DataError: the protocol is unknown, or a sample lacks truth or probability.

    In a config: `val_evaluator = [dict(type='MultiTaskMetric'), dict(type='SaliencyMetric',
    target='saliency')]`; the probabilities are then predicted too.
    """

    new_tally = CurveSums
    chooses_measures = True
    extras = ("probability",)

    def __init__(self, target: str | None = None, protocol: str = "pooled") -> None:
        super().__init__()
        _check(protocol)
        self.target, self.protocol = target, protocol

    @classmethod
    def measures_for(
        cls, targets: Sequence[Target], options: Mapping[str, Any]
    ) -> Sequence[Measure]:
        """Return the two measures of the chosen target."""
        protocol = options.get("protocol", "pooled")
        _check(protocol)
        target = mask_target(targets, options.get("target"), cls.__name__).name
        return [
            Measure(f"{target}/{protocol}/{name}", "higher", f"{target} {name}, {protocol} (%)")
            for name in ("maxF", "mIoU")
        ]

    def measure(self, sample: dict) -> CurveSums:
        """Measure one sample, a dict whose maps are `{'data': 1,H,W tensor}`."""
        target = mask_target(self.targets_of(sample), self.target, type(self).__name__)
        protocol = PROTOCOLS[self.protocol]
        probability, truth = probability_and_truth(sample, target)
        counts = mask_counts(probability, truth, protocol)
        if protocol.ignores and bool((truth == target.invalid).all()):
            return CurveSums(1)
        return CurveSums(1, 1, counts, _shares(counts))

    def compute_metrics(self, results: list[CurveSums]) -> dict[str, float]:
        """Compute the metrics from the sum over all images."""
        (total,) = results
        declared = targets_in(self.dataset_meta).values()
        name = self.target or mask_target([*declared], None, type(self).__name__).name
        max_f = iou = float("nan")
        if total.counts is not None and total.shares is not None:
            protocol = PROTOCOLS[self.protocol]
            means = total.shares / total.measured
            precision, recall, _ = (_shares(total.counts) if protocol.pooled else means).T
            beta = protocol.beta_squared
            scores = (1 + beta) * precision * recall / (beta * precision + recall)
            max_f, iou = float(scores.nan_to_num(0).max()), float(means[:, 2].max())
        place = f"{name}/{self.protocol}"
        return {f"{place}/maxF": 100 * max_f, f"{place}/mIoU": 100 * iou}


def _check(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise DataError(
            f"SaliencyMetric: protocol={protocol!r}. {did_you_mean(protocol, PROTOCOLS)}"
        )


def _shares(counts: Tensor) -> Tensor:
    """Return precision, recall and IoU from `mask_counts`: T,3 -> T,3 float64."""
    hits, chosen, positive = counts.double().T
    union = chosen + positive - hits
    shares = torch.stack([hits / chosen, hits / positive, hits / union], dim=1).nan_to_num(0)
    shares[:, 2] = shares[:, 2].where(union > 0, 1.0)
    return shares


def mask_target(targets: Sequence[Target], name: str | None, owner: str) -> Target:
    """Return the target of a name, or the first one of type `binary`.

    Raises:
        ConfigError: there is none.
    """
    if name is not None:
        (found,) = named_targets(targets, [name], f"{owner}: target")
        if found.type == "binary":
            return found
    for target in targets:
        if name is None and target.type == "binary":
            return target
    types = {target.name: target.type for target in targets}
    raise ConfigError(f"{owner} measures a target of the type 'binary', but there are {types}.")


def probability_and_truth(sample: Mapping[str, Any], target: Target) -> tuple[Tensor, Tensor]:
    """Return the probability and the truth of a mask, each H,W, on one device.

    Raises:
        DataError: the sample lacks one of them.
    """
    keys = (target.extra("probability"), target.truth)
    if missing := [key for key in keys if key not in sample]:
        raise DataError(
            f"the sample lacks {missing}: expected the truth of {target.name!r}, and its "
            "probability (model.test_cfg.extras=['probability'])."
        )
    probability, truth = (sample[key]["data"][0] for key in keys)
    return probability, truth.to(probability.device)
