"""timm models as encoders."""

from collections.abc import Sequence
from math import lcm
from pathlib import Path
from typing import Any

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError
from ...utils import warn
from ..preprocessing import RGB_CHANNELS
from .channels import report_adapted
from .timm_layers import freeze, parameter_depths
from .timm_models import (
    chosen_levels,
    dilation,
    feature_model,
    fitted_model,
    native_strides,
    registered_name,
)
from .timm_sizes import channels_first
from .timm_weights import create_pretrained


@MODELS.register_module()
class TimmEncoder(BaseModule):
    """Turn an image into the feature pyramid of a timm model.

    Handles the differences between families: models with four or five levels, channels-last
    transformers, single-stride transformers (four evenly spaced blocks are returned), models
    without dilation. Which images a model takes is tried, not read from its declaration: images of
    any size; of multiples of its windows, to which others are padded; or of one size, to which
    smaller ones are padded. The padding is cut from the maps, so that each covers the image.

    Shapes: (N, in_channels, H, W), H and W multiples of the largest stride -> per level
    (N, channels[i], H / strides[i], W / strides[i]).

    Args:
        model_name: a name of `timm.list_models()`, with or without a tag (`resnet18.a1_in1k`).
        pretrained: False: random weights; True: timm's weights from the hub; a path: a local
            `.safetensors` or `.pth` file in timm's layout.
        output_stride: largest stride (8, 16 or 32); later strides are replaced by dilation.
        replace_stride_with_dilation: `output_stride` as torchvision's three flags: (F,F,F), (F,F,T)
            and (F,T,T) are strides 32, 16 and 8. Give only one of the two.
        unsupported_stride: "error": raise where the model cannot have the stride; "native": warn
            and use the model's own strides (so that one config takes any model).
        out_indices: levels to return, ascending; default: the last four, or four evenly spaced ones
            of a single-stride transformer.
        img_size: size (H, W) of the largest images, in training, validation and prediction, for
            models that are built for one size; rounded up to whole strides.
        squeeze_excitation: put a squeeze-and-excitation block (Hu et al., 2018) into every
            residual block, before the addition; for timm's ResNets. Pretrained weights of the
            plain model still load, the new blocks start random.
        with_cp: recompute activations in the backward pass instead of keeping them, which saves
            memory and costs time (activation checkpointing, under mmseg's name).
        frozen_stages: number of the model's stages (blocks of a plain transformer) that are not
            trained, after its stem, as in mmseg's ResNet: 0: the stem alone; 'all': the whole
            encoder; -1: nothing. Frozen parts keep their batch statistics, and drop nothing.
        in_channels: number of channels of the images. With more than three, timm repeats the
            pretrained weights of the first convolution over the channels, scaled.
        model_args: further arguments of `timm.create_model`.

    Raises:
        ConfigError: unknown model, unsupported stride, contradicting or malformed options; in
            `forward`: an image is larger than the one size that the model takes.
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
        frozen_stages: int | str = -1,
        in_channels: int = RGB_CHANNELS,
        model_args: dict[str, Any] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if unsupported_stride not in ("error", "native"):
            raise ConfigError(
                f"TimmEncoder: unsupported_stride={unsupported_stride!r}; choose 'error' or "
                "'native'."
            )
        self.model_name = registered_name(model_name)
        stride = _stride_of(output_stride, replace_stride_with_dilation)
        weights = _weight_args(self.model_name, pretrained)
        plain = dict(model_args or {})
        native = native_strides(self.model_name, plain)
        if in_channels != RGB_CHANNELS:
            plain["in_chans"] = in_channels
        plain["out_indices"] = chosen_levels(self.model_name, native, out_indices)
        if stride is not None and max(native) > stride:
            plain |= dilation(self.model_name, plain, stride, native, unsupported_stride)
        self._args = plain | (dict(block_args=dict(attn_layer="se")) if squeeze_excitation else {})
        step = lcm(*(native[level] for level in plain["out_indices"]))
        size = None if img_size is None else _whole_size(img_size, step)
        options, self._sizes = fitted_model(self.model_name, self._args, size)
        build = create_pretrained if weights["pretrained"] else feature_model
        self.model = build(self.model_name, plain | options | weights)
        if weights["pretrained"] and in_channels != RGB_CHANNELS:
            report_adapted(f"The first convolution of {self.model_name}", in_channels)
        if squeeze_excitation:
            own, self.model = self.model, feature_model(self.model_name, self._args | options)
            # Only the new blocks keep random weights; the plain model's, loaded strictly above, fit
            # all other blocks.
            self.model.load_state_dict(own.state_dict(), strict=False)
        if with_cp:
            self._checkpoint()
        # Some of timm's feature models define init_weights. mmengine would call it at the start of
        # training and overwrite the weights loaded here.
        self.model.is_init = True
        self.channels = tuple(self.model.feature_info.channels())
        self.strides = self._sizes.strides
        self.largest_size = self._sizes.largest
        """(height, width) of the largest images, for models that are built for one size."""
        self._frozen = self._freeze(frozen_stages)
        if size is None and (sizes := self._sizes.text):
            warn(f"TimmEncoder: {self.model_name} {sizes}.")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        height, width = images.shape[2:]
        if self._sizes.exact:
            return tuple(channels_first(self.model, self.model(images)))
        self.check_size(height, width)
        levels = channels_first(self.model, self.model(self._sizes.pad(images)))
        return tuple(
            self._sizes.crop(level, index, height, width) for index, level in enumerate(levels)
        )

    def train(self, mode: bool = True) -> "TimmEncoder":
        """Set the mode of all parts but the frozen ones, which stay in eval mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def layer_depths(self) -> tuple[dict[str, int], int]:
        """Return the depth of each parameter's layer, and that of what follows the encoder."""
        return parameter_depths(self.model_name, self.model, coarse=False)

    def _freeze(self, stages: int | str) -> list[nn.Module]:
        """Freeze the stem and the first stages; return the frozen parts."""
        if stages == -1:
            return []
        depths, last = parameter_depths(self.model_name, self.model, coarse=True)
        if stages == "all":
            return freeze(self.model, {*depths})
        if not isinstance(stages, int) or not 0 <= stages < last:
            raise ConfigError(
                f"TimmEncoder: frozen_stages={stages!r}; {self.model_name} has {last - 1} stages "
                f"after its stem. Choose 0 (the stem alone) to {last - 1}, 'all', or -1 for none."
            )
        return freeze(self.model, {key for key, depth in depths.items() if depth <= stages})

    def check_size(self, height: int, width: int) -> None:
        """Raise a `ConfigError` for an image that is larger than the one size of the model."""
        most = self.largest_size
        if most is None or (height <= most[0] and width <= most[1]):
            return
        needed = (max(height, most[0]), max(width, most[1]))
        remedy = f"Train on smaller crops, set img_size={needed}, or choose a model"
        try:
            fitted_model(self.model_name, self._args, _whole_size(needed, lcm(*self.strides)))
        except ConfigError:
            remedy = "It cannot be built for larger ones: train on smaller crops, or choose a model"
        raise ConfigError(
            f"TimmEncoder: {self.model_name} is built for images of at most {most[0]}x{most[1]} "
            f"pixels and got {height}x{width}. {remedy} that takes any size, such as a swin or vit."
        )

    def _checkpoint(self) -> None:
        """Let the model recompute activations in the backward pass."""
        # A model that returns its own intermediate blocks is wrapped once more.
        owner = self.model if hasattr(self.model, "set_grad_checkpointing") else self.model.model
        try:
            owner.set_grad_checkpointing(True)
        except (AssertionError, AttributeError) as error:
            raise ConfigError(
                f"TimmEncoder: timm's {self.model_name} cannot recompute activations; leave "
                "with_cp out."
            ) from error


def _whole_size(img_size: int | Sequence[int], step: int) -> tuple[int, int]:
    """Return an image size as (height, width), rounded up to multiples of `step`."""
    sides = [img_size] * 2 if isinstance(img_size, int) else list(img_size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ConfigError(
            f"TimmEncoder: img_size={img_size!r}; expected (height, width) in pixels."
        )
    height, width = (-(-side // step) * step for side in sides)
    return height, width


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
