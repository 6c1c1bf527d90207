"""Feature pyramid -> one feature map."""

from .deeplab import DeepLabDecoder
from .mmseg_decoder import MMSegDecoder

__all__ = ["DeepLabDecoder", "MMSegDecoder"]
