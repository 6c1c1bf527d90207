"""Declarations of the targets that a known data set has files of."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError
from ...utils import did_you_mean
from ..declarations import LIMITS, PARAMETERS

Declared = Mapping[str, Mapping[str, Any]]


def known_targets(
    owner: str, given: Sequence[str] | Declared, known: Declared
) -> dict[str, dict[str, Any]]:
    """Complete the targets of a config by what a data set knows about its files.

    Args:
        owner: name of the data set, for errors.
        given: names of targets, or a dict of declarations as in `MultiTaskDataset`. What these say
            replaces what is known: a `format` all arguments of the known one, a `range` its limits.
        known: declaration of each target that the data set has files of.

    Returns:
        The declaration of each given target.

    Raises:
        ConfigError: a target is unknown and has no folder.

    >>> known_targets("Mine", ["edges"], dict(edges=dict(type="binary", folder="edge")))
    {'edges': {'type': 'binary', 'folder': 'edge'}}
    """
    targets = given if isinstance(given, Mapping) else {name: {} for name in given}
    declared = {}
    for name, own in targets.items():
        if name not in known and "folder" not in own:
            raise ConfigError(
                f"{owner}: targets={list(targets)}, but {name!r} is none of its own; give the "
                f"folder of its files. {did_you_mean(name, known)}"
            )
        usual = known.get(name, {})
        if "format" in own:
            usual = {k: v for k, v in usual.items() if k in {"folder", "suffix", *PARAMETERS}}
        if "range" in own:
            usual = {k: v for k, v in usual.items() if k not in LIMITS}
        declared[name] = {**usual, **own}
    return declared
