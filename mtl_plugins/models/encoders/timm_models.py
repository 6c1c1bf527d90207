"""Names, levels and variants of timm's feature models."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import timm
import torch

from ...errors import ConfigError
from ...utils import did_you_mean, warn
from ..preprocessing import RGB_CHANNELS
from .timm_sizes import Size, Sizes, find_sizes

LEVELS = 4
"""Number of levels in the pyramid: strides 4, 8, 16 and 32 where the model has them."""

OWN_ARGUMENTS = frozenset(
    {"model_name", "pretrained", "features_only", "out_indices", "img_size", "in_chans"}
)
"""Arguments of `timm.create_model` that `TimmEncoder` sets itself."""

SOURCES = ("hf-hub:", "hf_hub:", "local-dir:")


def registered_name(name: str) -> str:
    """Return the name of a model in timm's registry.

    Args:
        name: with or without a tag (`resnet18.a1_in1k`), or the name of timm's own repository on
            the hub (`timm/resnet18.a1_in1k`, `hf-hub:timm/resnet18.a1_in1k`).

    Raises:
        ConfigError: timm has no such model or tag.

    >>> registered_name('hf_hub:timm/resnet18.a1_in1k')
    'resnet18.a1_in1k'
    """
    if not isinstance(name, str):
        raise ConfigError(
            f"TimmEncoder: model_name={name!r}; expected a name of timm.list_models()."
        )
    plain = name.removeprefix(SOURCES[0]).removeprefix(SOURCES[1]).removeprefix("timm/")
    if not timm.is_model(plain):
        if name.startswith(SOURCES) or "/" in name:
            raise ConfigError(
                f"TimmEncoder: {name!r} is no model of timm's registry, and its architecture "
                "would be fetched. Give the architecture's name in timm as model_name and the "
                "path of the downloaded weights as pretrained."
            )
        hint = did_you_mean(plain.split(".")[0], timm.list_models(), "See timm.list_models().")
        raise ConfigError(f"TimmEncoder: timm has no model {name!r}. {hint}")
    try:
        timm.get_pretrained_cfg(plain)
    except RuntimeError as error:
        architecture, _, tag = plain.partition(".")
        tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{architecture}.*")]
        raise ConfigError(
            f"TimmEncoder: timm's {architecture} has no tag {tag!r}. {did_you_mean(tag, tags)}"
        ) from error
    return plain


def feature_model(name: str, args: dict[str, Any], device: str = "cpu") -> Any:
    """Build a model of timm as a feature extractor.

    Args:
        device: "meta": without weights, to try what it does.

    Raises:
        Exception: of any type, timm's own.
    """
    with torch.device("meta") if device == "meta" else nullcontext():
        return timm.create_model(name, features_only=True, **args)


def native_strides(name: str, args: dict[str, Any]) -> tuple[int, ...]:
    """Return the strides of all levels, including those that timm does not return by default.

    Raises:
        ConfigError: timm does not take the arguments.
    """
    if given := OWN_ARGUMENTS & set(args):
        raise ConfigError(
            f"TimmEncoder: model_args holds {', '.join(sorted(given))}, which TimmEncoder sets "
            "from arguments of its own; give it there."
        )
    try:
        info = feature_model(name, args, "meta").feature_info.info
    except Exception as error:  # each model refuses arguments in its own way
        raise _refusal(name, args, error) from error
    return tuple(level["reduction"] for level in info)


def chosen_levels(
    name: str, strides: Sequence[int], out_indices: Sequence[int] | None
) -> tuple[int, ...]:
    """Return the indices of the levels to use.

    Args:
        strides: of all levels.
        out_indices: as given by the user; None: the last four, or four evenly spaced ones if all
            levels have one stride.

    Raises:
        ConfigError: there are no such levels, or they do not ascend.
    """
    count = len(strides)
    if out_indices is None:
        if len(set(strides)) > 1:
            return tuple(range(max(count - LEVELS, 0), count))
        # Blocks of equal stride: spread evenly over the depth, including the last one.
        return tuple(count * (i + 1) // LEVELS - 1 for i in range(min(LEVELS, count)))
    given = list(out_indices) if isinstance(out_indices, Sequence) else [out_indices]
    whole = all(isinstance(index, int) and -count <= index < count for index in given)
    levels = tuple(index % count for index in given) if whole else ()
    if not levels or list(levels) != sorted(set(levels)):
        raise ConfigError(
            f"TimmEncoder: out_indices={out_indices!r}; {name} has the levels 0 to {count - 1} "
            f"with strides {tuple(strides)}. Give ascending indices of them."
        )
    return levels


def dilation(
    name: str, args: dict[str, Any], stride: int, native: Sequence[int], unsupported: str
) -> dict[str, Any]:
    """Return the argument that replaces a model's last strides by dilation.

    Args:
        stride: the largest one that is left.
        native: the model's own strides.
        unsupported: "error", or "native" for none where the model cannot be dilated.

    Raises:
        ConfigError: it cannot be dilated.
    """
    try:
        model = feature_model(name, dict(args, output_stride=stride), "meta")
        if max(model.feature_info.reduction()) <= stride:
            return dict(output_stride=stride)
    except Exception:  # timm has no common way to find out whether a model can be dilated
        pass
    message = (
        f"TimmEncoder: {name} cannot have output stride {stride}; its strides are {tuple(native)}"
    )
    if unsupported == "error":
        raise ConfigError(
            f"{message}. Leave output_stride out, or set unsupported_stride='native' to use the "
            "model's own."
        )
    warn(f"{message}, which are used.")
    return {}


_FITTED: dict[tuple, tuple[dict[str, Any], Sizes]] = {}
"""What `fitted_model` has found out, because a network often has an encoder several times."""


def fitted_model(
    name: str, args: dict[str, Any], img_size: Size | None = None
) -> tuple[dict[str, Any], Sizes]:
    """Return further arguments with which a model takes the most image sizes, and these sizes.

    Args:
        args: of `timm.create_model`.
        img_size: (height, width) that the model must take.

    Raises:
        ConfigError: it takes no images, or none of that size.
    """
    key = (name, repr(sorted(args.items())), img_size)
    if key not in _FITTED:
        _FITTED[key] = _fit(name, args, img_size)
    return _FITTED[key]


def _fit(name: str, args: dict[str, Any], img_size: Size | None) -> tuple[dict[str, Any], Sizes]:
    one_size: tuple[dict[str, Any], Sizes] | None = None
    failure: Exception | None = None
    for options, canvas in _variants(name, args, img_size):
        try:
            sizes = _tried(name, {**args, **options}, canvas)
        except Exception as error:  # each model refuses arguments and sizes in its own way
            # The error without options of ours is the one to report.
            failure = error if failure is None or not options else failure
            continue
        if sizes.canvas is None:
            return options, sizes
        one_size = one_size or (options, sizes)
    if one_size is not None:
        return one_size
    assert failure is not None
    given = args if img_size is None else dict(args, img_size=img_size)
    raise _refusal(name, given, failure) from failure


def _variants(
    name: str, args: dict[str, Any], img_size: Size | None
) -> Iterator[tuple[dict[str, Any], Size | None]]:
    """Yield the options that may make a model take images of any size, or of the given one.

    With each comes the size that the model is then built for.
    """
    config: Any = timm.get_pretrained_cfg(name)
    fixed = getattr(config, "fixed_input_size", False)
    size: dict[str, Any] = {} if img_size is None else dict(img_size=img_size)
    dynamic: dict[str, Any] = dict(size, dynamic_img_size=True)
    plain: Size | None = img_size or (tuple(config.input_size[1:]) if config else None)
    either = [(size, plain), (dynamic, plain)]
    yield from reversed(either) if fixed else either
    if img_size is not None and img_size[0] != img_size[1]:
        square = (max(img_size),) * 2
        yield dict(img_size=square), square


def _tried(name: str, args: dict[str, Any], canvas: Size | None) -> Sizes:
    """Return the sizes that a model takes.

    Raises:
        Exception: of any type, timm's own.
    """
    channels = args.get("in_chans", RGB_CHANNELS)
    try:
        return find_sizes(feature_model(name, args, "meta"), canvas, channels)
    except Exception as error:
        if "meta" not in str(error):
            raise
    # Values decide what it does, and on the meta device there are none.
    with torch.random.fork_rng():
        return find_sizes(feature_model(name, args), canvas, channels)


def _refusal(name: str, args: dict[str, Any], error: Exception) -> ConfigError:
    """Return the error about a model that cannot be built, or takes no images."""
    reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    if "block_args" in reason:
        return ConfigError(
            f"TimmEncoder: {name} has no residual blocks of timm's ResNet, which "
            "squeeze_excitation is for; choose a resnet or leave it out."
        )
    own = {key: value for key, value in args.items() if key != "out_indices"}
    given = f" with {', '.join(f'{key}={value!r}' for key, value in own.items())}" if own else ""
    return ConfigError(
        f"TimmEncoder: timm's {name}{given} cannot be used as a feature pyramid: {reason}. "
        f"{'Change or leave out these arguments, or choose' if own else 'Choose'} other levels "
        "(out_indices) or another model, such as a resnet, convnext, swin or vit "
        "(timm.list_models())."
    )
