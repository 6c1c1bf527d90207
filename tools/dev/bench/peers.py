"""Our networks as models of mmseg, one for each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmseg.models.decode_heads import VPDDepthHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from mtl_plugins.models.encoders import encoder_spec

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
FARTHEST = 300.0
"""Metres."""


class PeerHead(BaseDecodeHead):
    """mmseg's decode head, with its losses, logging and resizing, around one of our decoders.

    Args:
        decoder: config of the decoder.
        strides: strides of the encoder's levels.
        **kwargs: as in mmseg's `BaseDecodeHead`.
    """

    def __init__(self, decoder: dict, strides: Sequence[int], **kwargs: Any) -> None:
        built = MODELS.build(dict(decoder, in_channels=kwargs["in_channels"], strides=strides))
        super().__init__(
            channels=built.out_channels, in_index=list(range(len(strides))), dropout_ratio=0,
            input_transform="multiple_select", **kwargs,
        )  # fmt: skip
        self.decoder = built

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return the logits."""
        return self.cls_seg(self.decoder(levels))


class PeerDepthHead(PeerHead):
    """The same head for depth, with the loss and the range of mmseg's depth head."""

    loss_by_feat = VPDDepthHead.loss_by_feat
    _stack_batch_gt = VPDDepthHead._stack_batch_gt

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return metres."""
        return super().forward(levels).sigmoid() * FARTHEST


def peer_models(model: dict, size: tuple[int, int]) -> dict[str, nn.Module]:
    """Build one model of mmseg a task; together they do the work of a branched model.

    Args:
        model: config of a `MultiTaskSegmentor` for classes and depth with a `BranchedHead`.
        size: (height, width) of the training images.
    """
    head = model["decode_head"]
    spec = encoder_spec(MODELS.build(model["backbone"]))
    common = dict(
        decoder=head["decoder"], in_channels=list(spec.channels), strides=list(spec.strides)
    )
    classes = head["task_heads"]["semseg"]["num_classes"]
    heads = dict(
        semseg=dict(common, type=PeerHead, num_classes=classes),
        depth=dict(
            common, type=PeerDepthHead, num_classes=1, out_channels=1,
            loss_decode=dict(type="SiLogLoss"),
        ),
    )  # fmt: skip
    kinds = dict(semseg="EncoderDecoder", depth="DepthEstimator")
    preprocessor = dict(type="SegDataPreProcessor", mean=MEAN, std=STD, bgr_to_rgb=True, size=size)
    models = {}
    for task, kind in kinds.items():
        config = dict(
            type=kind, data_preprocessor=preprocessor, backbone=model["backbone"],
            decode_head=heads[task], train_cfg=dict(), test_cfg=dict(mode="whole"),
        )  # fmt: skip
        models[task] = MODELS.build(ConfigDict(config))
    return models
