"""Helpers for both kinds of TorchJD rules: names, options, subsets of tasks, random numbers."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ....errors import ConfigError
from ....utils import did_you_mean

Rule = Callable[[Tensor], Tensor]
"""A TorchJD object: losses (m,) -> scalar, or Gramian (m,m) -> weights (m,)."""
Build = Callable[[Sequence[int]], Rule]
"""Builds the rule for the tasks with the given indices."""

ALIASES = {"uncertainty": "uw", "gls": "geometricmean"}
"""Other common names, in lower case as are TorchJD's here."""

FILLED_IN = {"n_tasks", "shape"}
"""Arguments that are derived from the model's tasks."""


def known(name: str, names: Mapping[str, Any], kind: str) -> str:
    """Return TorchJD's spelling of a name.

    Raises:
        ConfigError: TorchJD is missing, or `names` has no such name.
    """
    try:
        import torchjd  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"The {kind} {name!r} needs TorchJD, which is not installed. Run: pip install "
            '"torchjd[full]>=0.18,<0.19"'
        ) from error
    plain = {_plain(each): each for each in names}
    found = plain.get(_plain(name)) or plain.get(ALIASES.get(_plain(name), ""))
    if found is None:
        usable = [*names, *(alias for alias, each in ALIASES.items() if each in plain)]
        raise ConfigError(f"There is no {kind} {name!r}. {did_you_mean(name, usable)}")
    return found


def check_options(rule: type, options: Iterable[str], also: Iterable[str] = ()) -> None:
    """Raise a `ConfigError` for an option that neither TorchJD's class nor `also` has."""
    accepted = {*inspect.signature(rule).parameters, *also} - FILLED_IN
    for option in options:
        if option not in accepted:
            name, hint = rule.__name__, did_you_mean(option, accepted, "It takes none.")
            raise ConfigError(f"TorchJD's {name} has no argument {option!r}. {hint}")


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def tensors(options: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Return options with lists of one number per task converted to tensors for TorchJD."""
    return {
        key: torch.tensor(value, dtype=dtype) if isinstance(value, (list, tuple)) else value
        for key, value in options.items()
    }


def chosen(values: Tensor, present: Sequence[int]) -> Tensor:
    """Return the entries (..., m) of the tasks with these indices of values (..., T).

    An index made of a list would be copied to the device, which waits for it.
    """
    if len(present) == values.shape[-1]:
        return values
    return torch.stack([values[..., task] for task in present], dim=-1)


def of_tasks(options: Mapping[str, Any], present: Sequence[int]) -> dict[str, Any]:
    """Return options whose tensors have only the entries of the tasks with these indices."""
    return {k: chosen(v, present) if torch.is_tensor(v) else v for k, v in options.items()}


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the random numbers drawn inside, and restore the generator's state afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
