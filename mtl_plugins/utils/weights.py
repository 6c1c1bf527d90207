"""Count the weights that a network gets from a file, and name those that it does not get."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from ..errors import WeightsError
from .command import warn

SHOWN = 4
"""Number of names of each kind that a message lists."""


@dataclass
class Loading:
    """The outcome of loading weights into a module.

    Attributes:
        total: number of weights of the module.
        missing: names of its weights that the file lacks.
        shapes: both shapes, as "bias (3,) for (2,)", of weights that the file has in another one,
            by their names.
        surplus: names in the file that the module does not have.
        done: whether anything tried to load.
    """

    total: int = 0
    missing: list[str] = field(default_factory=list)
    shapes: dict[str, str] = field(default_factory=dict)
    surplus: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def arrived(self) -> int:
        """Count the weights that were loaded."""
        return self.total - len(self.missing) - len(self.shapes)

    @property
    def lost(self) -> str:
        """Describe the weights of the module that did not arrive; empty if all did."""
        missing = _listed("are missing", self.missing)
        return " ".join([*missing, *_listed("have another shape", [*self.shapes.values()])])

    @property
    def problems(self) -> str:
        """Describe all differences, left-over weights too; empty if there are none."""
        surplus = _listed("are left over", self.surplus)
        missing = _listed("are missing", self.missing)
        return " ".join(
            [*missing, *surplus, *_listed("have another shape", [*self.shapes.values()])]
        )

    def report(self, source: str, receiver: str) -> None:
        """Say in one line of the log how many weights have arrived.

        Args:
            source: name of the file.
            receiver: name of the module.

        Raises:
            WeightsError: none has.
        """
        if not self.total:
            return
        if not self.arrived:
            raise WeightsError(
                f"None of the {self.total} weights of {receiver} is in {source}. {self.problems} "
                + self._remedy(source)
            )
        counts = f"{self.arrived} of {self.total} weights of {receiver} loaded from {source}"
        if self.lost:
            warn(f"{counts}; the others keep their initial values. {self.lost}")
        else:
            print_log(f"{counts}.", logger="current")

    def _remedy(self, source: str) -> str:
        encoder = "backbone.model."
        if self.surplus and f"{encoder}{self.surplus[0]}" in self.missing:
            return (
                f"They are those of the encoder alone: write model.backbone.pretrained={source!r}."
            )
        return "Give a file of this network, whose names are the same."


def counts(name: str) -> bool:
    """Return whether a weight is one that a network needs.

    Old files lack batch norm's counter of batches, which is not used.
    """
    return not name.endswith("num_batches_tracked")


def compare(own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Loading:
    """Compare the weights of a module with those of a file, without loading them.

    >>> compare(nn.Linear(1, 2).state_dict(), nn.Linear(1, 2, bias=False).state_dict()).problems
    '1 weights are missing: bias.'
    """
    return Loading(
        len(own),
        [key for key in own if key not in found],
        {
            key: f"{key} {tuple(found[key].shape)} for {tuple(value.shape)}"
            for key, value in own.items()
            if key in found and found[key].shape != value.shape
        },
        [key for key in found if key not in own],
        True,
    )


@contextmanager
def watched(module: nn.Module) -> Iterator[Loading]:
    """Watch loading into a module inside the block, by torch or by mmengine, strict or lenient.

    What fits is loaded. Nothing is raised or logged for the rest, the caller judges the outcome;
    torch would stop at another shape, and mmengine would log the names of all weights.
    """
    loading = Loading()

    def before(_: nn.Module, weights: dict[str, Any], prefix: str, *__: Any) -> None:
        loading.done = not prefix  # else a larger module is loaded, of which this is a part
        if not loading.done:
            return
        own = module.state_dict()
        found = {key: value for key, value in weights.items() if isinstance(value, Tensor)}
        loading.total, loading.shapes = sum(map(counts, own)), compare(own, found).shapes
        for key in loading.shapes:
            del weights[key]

    def after(_: nn.Module, keys: Any) -> None:
        if loading.done:
            missing = [key for key in keys.missing_keys if key not in loading.shapes]
            loading.missing = [key for key in missing if counts(key)]
            loading.surplus = list(keys.unexpected_keys)
            for names in keys:
                names.clear()

    handles = [
        module.register_load_state_dict_pre_hook(before),
        module.register_load_state_dict_post_hook(after),
    ]
    try:
        yield loading
    finally:
        for handle in handles:
            handle.remove()


def load_into(
    module: nn.Module, weights: Mapping[str, Any], revise: Sequence[tuple[str, str]] = ()
) -> Loading:
    """Load what fits of some weights into a module, and return the outcome.

    Args:
        revise: patterns and replacements for the names, as in mmengine's `revise_keys`.
    """
    found = OrderedDict(weights)
    for pattern, new in revise:
        found = OrderedDict((re.sub(pattern, new, key), value) for key, value in found.items())
    # Layers of mmcv convert their weights of earlier versions by it.
    found._metadata = getattr(weights, "_metadata", OrderedDict())  # type: ignore[attr-defined]
    with watched(module) as loading:
        module.load_state_dict(found, strict=False)
    return loading


def _listed(what: str, names: Sequence[str]) -> list[str]:
    more = f", ... ({len(names) - SHOWN} more)" if len(names) > SHOWN else ""
    return [f"{len(names)} weights {what}: {', '.join(names[:SHOWN])}{more}."] if names else []
