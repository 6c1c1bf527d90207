"""Decode heads of mmseg as decoders."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import ConfigError


@MODELS.register_module()
class MMSegDecoder(BaseModule):
    """Use an mmseg decode head up to its classifier `conv_seg` as a decoder.

    Args:
        in_channels, strides: channels and strides of the encoder's levels (filled in by the model).
        head: config of the decode head. `in_channels` is filled in for its `in_index` (default:
            the last level, or all levels where `input_transform` asks for several) and
            `num_classes` has no effect.

    Shapes: per level (N, in_channels[i], H / strides[i], W / strides[i]) -> (N, C, h, w), with
    C and the size given by the head.

    Raises:
        ConfigError: the head has no `conv_seg` that separates features from classes, or does not
            return one feature map.

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
        head = dict(head)
        several = head.get("input_transform") is not None or head["type"] in _ALL_LEVELS
        index = head.setdefault("in_index", list(range(len(in_channels))) if several else -1)
        single = isinstance(index, int)
        widths = in_channels[index] if single else [in_channels[level] for level in index]
        head.setdefault("in_channels", widths)
        # mmseg warns about 2; the classifier is dropped below, so any other number will do.
        head.setdefault("num_classes", 3)
        self.head = MODELS.build(head)
        if not isinstance(getattr(self.head, "conv_seg", None), nn.Module):
            raise ConfigError(
                f"MMSegDecoder: {head['type']} has no classifier conv_seg, so that its features "
                "cannot be separated from its classes. Choose a head with one pixel classifier."
            )
        self.head.conv_seg = nn.Identity()
        self.out_channels = self._probe(in_channels, strides)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        features = self.head(list(levels))
        # Heads with auxiliary outputs (attention maps, context codes) return them after the map.
        return features[0] if isinstance(features, (tuple, list)) else features

    def _probe(self, in_channels: Sequence[int], strides: Sequence[int]) -> int:
        """Return the number of output channels, which heads do not declare in one way."""
        side = 2 * max(strides)
        levels = [
            torch.zeros(1, channels, int(side // stride), int(side // stride))
            for channels, stride in zip(in_channels, strides, strict=True)
        ]
        self.eval()
        with torch.no_grad():
            try:
                features = self(levels)
            except TypeError as error:
                raise ConfigError(
                    f"MMSegDecoder: {type(self.head).__name__} needs more than a feature pyramid "
                    f"({error}); cascaded heads cannot be decoders."
                ) from error
        self.train()
        if features.dim() != 4:
            raise ConfigError(
                f"MMSegDecoder: {type(self.head).__name__} returns a tensor of shape "
                f"{tuple(features.shape)}; a decoder must return one N,C,H,W feature map."
            )
        return features.shape[1]


_ALL_LEVELS = frozenset({"UPerHead", "SegformerHead", "FPNHead", "LightHamHead", "SETRMLAHead"})
"""Heads that take several levels although their config needs no `input_transform`."""
