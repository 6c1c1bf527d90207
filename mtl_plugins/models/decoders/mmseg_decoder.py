"""Decode heads of mmseg as decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.models.decode_heads import DDRHead, DPTHead, PIDHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError

CASCADE = "it refines the classes of another head"
MASKS = "it predicts masks and a class for each, with losses of its own"
ONE_MAP = "a head of one map, such as FCNHead, ASPPHead or UPerHead"

NO_DECODERS = {
    "IterativeDecodeHead": (
        "its kernels are those of the classes",
        "its kernel_generate_head, which is a head of one map",
    ),
    "Mask2FormerHead": (MASKS, ONE_MAP),
    "MaskFormerHead": (MASKS, ONE_MAP),
    "OCRHead": (CASCADE, "the first head of the cascade, or ASPPHead"),
    "PointHead": (CASCADE, "the first head of the cascade, FPNHead"),
    "SegmenterMaskTransformerHead": (
        "its masks are those of the classes, without features before them",
        "FCNHead, as in segmenter_vit-s_fcn, or SETRUPHead",
    ),
    "SideAdapterCLIPHead": ("it sorts masks into classes by CLIP's texts", ONE_MAP),
    "VPDDepthHead": (
        "it predicts depth itself",
        "a decoder such as DeepLabDecoder, and DepthHead as the task head",
    ),
}
"""Heads that have no features of pixels before their classes: why, and what to choose instead."""

ALL_LEVELS = frozenset({"FPNHead", "LightHamHead", "SETRMLAHead", "SegformerHead", "UPerHead"})
"""Heads that take several levels although their config needs no `input_transform`."""

ONE_LEVEL = (DDRHead, PIDHead)
"""Heads that take their one level alone, and while they train further levels for further maps."""

LARGEST = 512
"""Side in pixels of the largest image that a head is tried with."""


@MODELS.register_module()
class MMSegDecoder(BaseModule):
    """Use an mmseg decode head up to its classifier `conv_seg` as a decoder.

    Layers that only serve maps of auxiliary losses are kept as they are and never trained.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        head: config of the decode head. `in_channels` is filled in for its `in_index` (default:
            the last level, or all levels where `input_transform` asks for several) and
            `num_classes` has no effect.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, C, h, w), with
    C and the size given by the head.

    Attributes:
        least_size: side in pixels below which an image is too small for the head; 0: none is.

    Raises:
        ConfigError: the head is none of one map, or does not fit the encoder's levels.

    >>> decoder = MMSegDecoder((8, 16), (4, 8), head=dict(type='FCNHead', channels=4))
    >>> decoder.out_channels
    4
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        strides: Sequence[int],
        head: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.check_arguments(dict(head=head))
        head = dict(head)
        several = head.get("input_transform") is not None or head["type"] in ALL_LEVELS
        index = head.setdefault("in_index", list(range(len(in_channels))) if several else -1)
        wanted = [index] if isinstance(index, int) else list(index)
        count = len(in_channels)
        if not all(-count <= level < count for level in wanted):
            raise ConfigError(
                f"MMSegDecoder: {head['type']} has in_index={index}, but the encoder has {count} "
                f"levels, of {tuple(in_channels)} channels. Name levels from 0 to {count - 1}, or "
                "set the encoder's out_indices."
            )
        widths = [in_channels[level] for level in wanted]
        head.setdefault("in_channels", widths[0] if isinstance(index, int) else widths)
        # mmseg warns about 2; the classifier is dropped below, so any other number will do.
        head.setdefault("num_classes", 3)
        self.in_index = wanted
        self.head = _built(head)
        if not isinstance(getattr(self.head, "conv_seg", None), nn.Module):
            raise ConfigError(
                f"MMSegDecoder: {head['type']} has no classifier conv_seg, so that its features "
                f"cannot be separated from its classes. Choose {ONE_MAP}."
            )
        self.head.conv_seg = nn.Identity()
        self.out_channels, self.least_size = self._probe(in_channels, strides)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        given: Any = list(levels)
        if isinstance(self.head, ONE_LEVEL):
            given = given[self.in_index[0]]
        elif isinstance(self.head, DPTHead):
            given = [(level, None) for level in given]  # class tokens, which it ignores
        features = self.head(given)
        # Heads with auxiliary outputs (attention maps, context codes) return them after the map.
        return features[0] if isinstance(features, (tuple, list)) else features

    def train(self, mode: bool = True) -> MMSegDecoder:
        super().train(mode)
        if isinstance(self.head, ONE_LEVEL):
            self.head.training = False  # of itself alone: its layers train
        return self

    @staticmethod
    def check_arguments(arguments: Mapping[str, Any]) -> None:
        """Raise a `ConfigError` for the config of a head that cannot be a decoder."""
        head = arguments.get("head")
        if isinstance(head, (list, tuple)):
            types = [each.get("type") for each in head if isinstance(each, Mapping)]
            raise ConfigError(
                f"MMSegDecoder: head is the cascade {types}, in which each head refines the classes"
                " of the one before; a decoder is one head. Write the first of them alone."
            )
        name = head.get("type") if isinstance(head, Mapping) else None
        if not isinstance(head, Mapping) or name is None:
            raise ConfigError(
                f"MMSegDecoder: head={head!r}; expected the config of one of mmseg's decode heads, "
                "such as dict(type='UPerHead', channels=256)."
            )
        if name in NO_DECODERS:
            reason, instead = NO_DECODERS[name]
            raise ConfigError(
                f"MMSegDecoder: {name} cannot be a decoder, because {reason}. Use {instead}."
            )
        if name == "DPTHead" and (readout := head.get("readout_type", "ignore")) != "ignore":
            raise ConfigError(
                f"MMSegDecoder: DPTHead has readout_type={readout!r}, which mixes the class token "
                "into every pixel, and a pyramid has no class token. Set readout_type='ignore'."
            )

    def _probe(self, in_channels: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
        """Return the number of output channels and `least_size`; freeze layers without effect."""
        step = max(strides)
        self.eval()
        failure: Exception | None = None
        features: Any = None
        for side in range(2 * step, max(LARGEST, 2 * step) + 1, step):
            levels = [
                torch.zeros(1, channels, int(side // stride), int(side // stride))
                for channels, stride in zip(in_channels, strides, strict=True)
            ]
            try:
                with torch.enable_grad():
                    features = self(levels)
                break
            except Exception as error:
                failure = failure or error
                if not isinstance(error, RuntimeError) or isinstance(error, NotImplementedError):
                    break  # another size does not help
        if features is None:
            raise ConfigError(
                f"MMSegDecoder: {type(self.head).__name__} fails on levels of {tuple(in_channels)} "
                f"channels with strides {tuple(strides)} ({type(failure).__name__}: {failure}). "
                f"Check its arguments, or choose {ONE_MAP}."
            ) from failure
        self.train()
        if not isinstance(features, Tensor) or features.dim() != 4:
            shape = tuple(getattr(features, "shape", ())) or type(features).__name__
            raise ConfigError(
                f"MMSegDecoder: {type(self.head).__name__} returns a tensor of shape {shape}; a "
                "decoder must return one N,C,H,W feature map."
            )
        trained = [each for each in self.head.parameters() if each.requires_grad]
        if trained and features.requires_grad:
            # Distributed training waits for a gradient of every parameter that asks for one.
            found = torch.autograd.grad(features.sum(), trained, allow_unused=True)
            for parameter, gradient in zip(trained, found, strict=True):
                parameter.requires_grad_(gradient is not None)
        return features.shape[1], side if side > 2 * step else 0


def _built(head: dict[str, Any]) -> nn.Module:
    """Build a head; say what is wrong with its arguments where it fails."""
    try:
        return MODELS.build(head)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"MMSegDecoder: {head['type']} cannot be built for in_channels={head['in_channels']} "
            f"and in_index={head['in_index']} ({type(error).__name__}: {error}). Check its "
            f"arguments, or choose {ONE_MAP}."
        ) from error
