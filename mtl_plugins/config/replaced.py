"""Adapt the arguments of parts to their types: drop those of a former type, restore tuples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from ..errors import ConfigError
from ..utils import warn
from .check import foreign_arguments, register_types, typed_nodes
from .kinds import with_tuples
from .sources import Origins


def drop_replaced(config: Config, options: Sequence[str] = ()) -> None:
    """Drop arguments of a base that a part with another type does not take, in place.

    A file or option that sets `decoder.type` alone inherits the arguments of the old decoder.
    Those that the new one takes stay. Those written beside the new type, or over it, are the
    user's: if they do not fit, `check_config` refuses them.

    Args:
        config: a config with the options laid over it.
        options: those options.
    """
    known = register_types()
    origins = None
    for key, node in [*typed_nodes(config.to_dict())]:
        foreign, is_open = foreign_arguments(key, node, known)
        if not foreign:
            continue
        try:
            origins = origins or Origins(config, options)
        except ConfigError:  # a file with read_base(), whose values have no known place
            return
        inherited = _inherited(f"{key}.type", [f"{key}.{name}" for name in foreign], origins)
        # A type that takes any argument is another one only if its name is.
        if not inherited or (is_open and _former(f"{key}.type", origins) in (None, node["type"])):
            continue
        names = [each.rpartition(".")[2] for each in inherited]
        for name in names:
            _at(config, key).pop(name)
        place = next(source for _, source, _ in origins.places(f"{key}.type"))
        warn(
            f"{key} has another type in {place}: {', '.join(names)} of the former type "
            f"{'are' if len(names) > 1 else 'is'} dropped, because {node['type']} has no such "
            "argument."
        )


def _inherited(kind: str, arguments: Sequence[str], origins: Origins) -> list[str]:
    """Return the arguments that are set only in places over which that of the type wins."""
    place = origins.rank(kind)
    return [key for key in arguments if origins.rank(key) > place >= 0]


def _former(kind: str, origins: Origins) -> Any:
    """Return the type that the present one replaces; None if it is not known."""
    values = [value for _, _, value in origins.places(kind)]
    return values[1] if len(values) > 1 else None


def restore_tuples(config: Config) -> None:
    """Replace lists by tuples where the type of a part insists on them, in place.

    JSON, and options such as `crop_size=[64,64]`, have lists alone.
    """
    known = register_types()
    for key, node in [*typed_nodes(config.to_dict())]:
        taker = known.get(node["type"].rpartition(".")[2])
        if taker is not None and (tuples := with_tuples(node, taker)):
            _at(config, key).update(tuples)


def _at(config: Config, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node[int(part)] if isinstance(node, (list, tuple)) else node[part]
    return node
