"""Refusal of arguments that mmseg's data sets have and this package's would ignore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.dataset import BaseDataset
from mmseg.registry import TRANSFORMS

from ..errors import ConfigError, MTLError
from ..targets import DEPTH, SEMSEG, Target
from ..utils import nearest
from .pipeline_check import check_pipeline, replacement, within

IGNORED: dict[str, tuple[Sequence[Any], str]] = dict(
    reduce_zero_label=(
        (False,),
        "Write the ids into label_map={0: 255, 1: 0, 2: 1, ..., 255: 255}, where 255 means no "
        "class.",
    ),
    ignore_index=(
        (255, 65535),
        "Pixels without a class are 255 (65535 if there are more than 255 classes): map the value "
        "that means none, as in label_map={0: 255, 1: 0, 2: 1, ...}.",
    ),
    filter_cfg=(
        (None, {}),
        "List the samples in ann_file, or choose them by their numbers with indices.",
    ),
    backend_args=(
        (None, {}, {"backend": "local"}),
        "Files are listed on the disk; give backend_args to LoadImage and LoadTargets, which read "
        "them.",
    ),
)
"""Inherited arguments that have no effect: the values that ask for none, and what to write."""

RESERVED = ("depth_unit", "ignore_index", "label_map", "reduce_zero_label", "targets")
"""Keys of `metainfo` that are made, not read."""


LOADERS: Mapping[str, Sequence[Target]] = dict(
    LoadAnnotations=(SEMSEG,), LoadDepthAnnotation=(DEPTH,)
)
"""mmseg's loaders of targets."""


def check_arguments(owner: Any, given: Mapping[str, Any]) -> None:
    """Raise for arguments of mmseg's data sets that would be accepted and ignored.

    Args:
        owner: the data set. One that overrides `filter_data` may use `filter_cfg`.
        given: its arguments.

    Raises:
        ConfigError: the message says what to write instead.
    """
    name = type(owner).__name__
    for argument, (harmless, instead) in IGNORED.items():
        value = given.get(argument, harmless[0])
        own = argument == "filter_cfg" and type(owner).filter_data is not BaseDataset.filter_data
        if value not in harmless and not own:
            raise ConfigError(f"{name}({argument}={value!r}) would have no effect. {instead}")
    for key in given.get("metainfo") or {}:
        if key in RESERVED:
            raise ConfigError(
                f"{name}(metainfo={{{key!r}: ...}}) would have no effect: metainfo has classes and "
                f"palette. Give {key} to the data set itself, if it has such an argument."
            )
        if key not in ("classes", "palette") and (
            near := nearest(key, ("classes", "palette"), cutoff=0.8)
        ):
            raise ConfigError(f"{name}(metainfo={{{key!r}: ...}}). Did you mean {near[0]!r}?")


def refuse_arguments(owner: Any, given: Iterable[str], fixed: Iterable[str], reason: str) -> None:
    """Raise a `ConfigError` if one of the `fixed` arguments is given."""
    if found := sorted({*given} & {*fixed}):
        raise ConfigError(
            f"{type(owner).__name__} takes no {' and no '.join(found)}: {reason} Leave it out."
        )


def check_foreign_data(dataset: Any) -> None:
    """Check the pipelines of mmseg's own data sets that load depth, for which mmseg has no check.

    Args:
        dataset: any data set; those that it is made of are checked as well.

    Raises:
        ConfigError: a transform would make depth wrong, for example fill new area with 255 metres.
    """
    for each in (*getattr(dataset, "datasets", ()), getattr(dataset, "dataset", None)):
        if each is not None:
            check_foreign_data(each)
    transforms = [*within(getattr(getattr(dataset, "pipeline", None), "transforms", ()))]
    # This package's data sets refuse these loaders themselves.
    loaded = {target for each in transforms for target in LOADERS.get(type(each).__name__, ())}
    if DEPTH in loaded:
        rest = [each for each in transforms if type(each).__name__ not in LOADERS]
        check_pipeline(rest, [*loaded])


def built_pipeline(pipeline: Sequence[Any]) -> list[Any]:
    """Return the transforms of a pipeline, of which configs are built.

    Raises:
        ConfigError: a transform refuses its arguments, or lacks a package.
    """
    return [_built(each) if isinstance(each, Mapping) else each for each in pipeline]


def _built(config: Mapping[str, Any]) -> Any:
    try:
        return TRANSFORMS.build(dict(config))
    except (MTLError, KeyError):
        raise  # a name that is not registered is reported as such
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".")
        instead = replacement(str(config.get("type")))
        hint = f"Use {instead}." if instead else "Correct its arguments."
        raise ConfigError(
            f"The pipeline's {dict(config)} cannot be built ({type(error).__name__}: {reason}). "
            f"{hint}"
        ) from error
