"""timm models as encoders."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ...errors import ConfigError, WeightsError
from ...utils import did_you_mean
from .timm_weights import create_pretrained

LEVELS = 4
"""Number of levels in the pyramid: strides 4, 8, 16 and 32 where the model has them."""


@MODELS.register_module()
class TimmEncoder(BaseModule):
    """Turn an image into the feature pyramid of a timm model.

    Handles the differences between families: models with four or five levels, channels-last
    transformers, single-stride transformers (four evenly spaced blocks are returned), models of
    fixed image size (made dynamic where timm can do it), models without dilation.

    Shapes: (N, 3, H, W), H and W multiples of the largest stride -> per level
    (N, channels[i], H / strides[i], W / strides[i]).

    Args:
        model_name: a name of `timm.list_models()`.
        pretrained: False: random weights; True: timm's weights from the hub; a path: a local
            `.safetensors` or `.pth` file in timm's layout.
        output_stride: largest stride (8, 16 or 32); later strides are replaced by dilation.
        replace_stride_with_dilation: `output_stride` as torchvision's three flags: (F,F,F), (F,F,T)
            and (F,T,T) are strides 32, 16 and 8. Give only one of the two.
        unsupported_stride: "error": raise where the model cannot have the stride; "native": warn
            and use the model's own strides (so that one config takes any model).
        out_indices: levels to return; default: the last four, or four evenly spaced ones of a
            single-stride transformer.
        img_size: image size (H, W), for models that are built for one size.
        squeeze_excitation: put a squeeze-and-excitation block (Hu et al., 2018) into every
            residual block, before the addition; for timm's ResNets. Pretrained weights of the
            plain model still load, the new blocks start random.
        with_cp: recompute activations in the backward pass instead of keeping them, which saves
            memory and costs time (activation checkpointing, under mmseg's name).
        model_args: further arguments of `timm.create_model`.

    Raises:
        ConfigError: unknown model, unsupported stride, contradicting or malformed options.
        FileNotFoundError: `pretrained` names a file that is not there.
        WeightsError: the weights could not be fetched, or the file lacks some of the model's.

    >>> encoder = TimmEncoder('resnet18', output_stride=16)
    >>> encoder.channels, encoder.strides
    ((64, 128, 256, 512), (4, 8, 16, 16))
    """

    def __init__(
        self,
        model_name: str,
        pretrained: bool | str = False,
        output_stride: int | None = None,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        unsupported_stride: str = "error",
        out_indices: Sequence[int] | None = None,
        img_size: int | Sequence[int] | None = None,
        squeeze_excitation: bool = False,
        with_cp: bool = False,
        model_args: dict[str, Any] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if unsupported_stride not in ("error", "native"):
            raise ConfigError(
                f"TimmEncoder: unsupported_stride={unsupported_stride!r}; choose 'error' or "
                "'native'."
            )
        self.model_name = model_name
        self.fixed_size: tuple[int, int] | None = None
        stride = _stride_of(output_stride, replace_stride_with_dilation)
        args = dict(model_args or {}) | _weight_args(model_name, pretrained)
        if img_size is not None:
            args["img_size"] = img_size
        self.model = self._create(args, stride, unsupported_stride, out_indices)
        if squeeze_excitation:
            plain = self.model
            args.update(pretrained=False, block_args=dict(attn_layer="se"))
            self.model = self._create(args, stride, unsupported_stride, out_indices)
            # Only the new blocks keep random weights; the plain model's, loaded strictly above, fit
            # all other blocks.
            self.model.load_state_dict(plain.state_dict(), strict=False)
        if with_cp:
            self.model.set_grad_checkpointing(True)
        # Some of timm's feature models define init_weights. mmengine would call it at the start of
        # training and overwrite the weights loaded here.
        self.model.is_init = True
        self.channels = tuple(self.model.feature_info.channels())
        self.strides = tuple(self.model.feature_info.reduction())
        self._channels_last = str(getattr(self.model, "output_fmt", "")).endswith("NHWC")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        size = tuple(images.shape[2:])
        if self.fixed_size is not None and size != self.fixed_size:
            raise ConfigError(
                f"TimmEncoder: {self.model_name} is built for images of {self.fixed_size} and got "
                f"{size}; set img_size={size} or choose a model that takes any size."
            )
        levels = self.model(images)
        if self._channels_last:
            levels = [level.permute(0, 3, 1, 2).contiguous() for level in levels]
        return tuple(levels)

    def _create(
        self,
        args: dict[str, Any],
        stride: int | None,
        unsupported_stride: str,
        out_indices: Sequence[int] | None,
    ) -> Any:
        name = self.model_name
        probe = _build(name, dict(args, pretrained=False))
        # All levels, including those that timm does not return by default.
        native = tuple(level["reduction"] for level in probe.feature_info.info)
        if out_indices is None:
            count = len(native)
            if len(set(native)) == 1:
                # Blocks of equal stride: spread evenly over the depth, including the last one.
                out_indices = [count * (i + 1) // LEVELS - 1 for i in range(min(LEVELS, count))]
            else:
                out_indices = list(range(-min(LEVELS, count), 0))
        args["out_indices"] = tuple(out_indices)
        if stride is not None and max(native) > stride:
            try:
                model = _build(name, dict(args, output_stride=stride))
                if max(model.feature_info.reduction()) <= stride:
                    return model
            except (TypeError, AssertionError, NotImplementedError):
                # timm has no common way to find out whether a model can be dilated.
                pass
            message = (
                f"TimmEncoder: {name} cannot have output stride {stride}; its strides are {native}"
            )
            if unsupported_stride == "error":
                raise ConfigError(
                    f"{message}. Leave output_stride out, or set unsupported_stride='native' to "
                    "use the model's own."
                )
            print_log(f"{message}, which are used.", logger="current", level=logging.WARNING)
        config: Any = timm.get_pretrained_cfg(name)
        if getattr(config, "fixed_input_size", False) and "img_size" not in args:
            try:
                return _build(name, dict(args, dynamic_img_size=True))
            except TypeError:
                # Some fixed-size models cannot be made dynamic and take one size only.
                self.fixed_size = tuple(config.input_size[1:])
        return _build(name, args)


def _stride_of(output_stride: int | None, flags: Sequence[bool] | None) -> int | None:
    """Return the output stride from the two ways of giving it."""
    if flags is None:
        if output_stride not in (None, 8, 16, 32):
            raise ConfigError(f"TimmEncoder: output_stride={output_stride}; choose 8, 16 or 32.")
        return output_stride
    if output_stride is not None:
        raise ConfigError(
            "TimmEncoder: give output_stride or replace_stride_with_dilation, not both."
        )
    strides = {(False, False, False): 32, (False, False, True): 16, (False, True, True): 8}
    given: Any = tuple(map(bool, flags))
    if given not in strides:
        raise ConfigError(
            f"TimmEncoder: replace_stride_with_dilation={tuple(flags)}; known are "
            f"{', '.join(map(str, strides))}: a stage after a dilated one is dilated too."
        )
    return strides[given]


def _weight_args(name: str, pretrained: bool | str) -> dict[str, Any]:
    """Translate `pretrained` into arguments of `timm.create_model`."""
    if isinstance(pretrained, bool):
        return dict(pretrained=pretrained)
    path = Path(pretrained).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"TimmEncoder: no weights of {name} at {str(path)!r}. Give the path of a .safetensors "
            "or .pth file in timm's layout, True for the hub's, or False for none."
        )
    return dict(pretrained=True, pretrained_cfg_overlay=dict(file=str(path)))


def _build(name: str, args: dict[str, Any]) -> Any:
    """Create the model as a feature extractor; raise errors with a remedy."""
    if not timm.is_model(name):
        architecture = name.split(".")[0]
        hint = did_you_mean(architecture, timm.list_models(), "See timm.list_models().")
        raise ConfigError(f"TimmEncoder: timm has no model {name!r}. {hint}")
    try:
        if args.get("pretrained"):
            return create_pretrained(name, args)
        return timm.create_model(name, features_only=True, **args)
    except (TypeError, AssertionError, NotImplementedError) as error:
        if "block_args" in str(error):
            raise ConfigError(
                f"TimmEncoder: {name} has no residual blocks of timm's ResNet, which "
                "squeeze_excitation is for; choose a resnet or leave it out."
            ) from error
        raise
    except WeightsError:
        raise
    except Exception as error:
        raise ConfigError(
            f"TimmEncoder: timm's {name} cannot be used as a feature pyramid: {error}"
        ) from error
