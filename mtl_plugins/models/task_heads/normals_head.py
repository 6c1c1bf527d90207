"""Surface normals."""

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from ...errors import ConfigError
from ...targets import NORMALS
from .task_head import TaskHead


@MODELS.register_module()
class NormalsHead(TaskHead):
    """Predict the unit normal of the surface that every pixel shows.

    The raw map is a vector of any length; its direction is the prediction.

    Args:
        loss: `CosineLoss`, `DirectionL1Loss`, or a list.

    Shapes: features (N, in_channels, h, w) -> raw (N, 3, h, w) -> unit vectors (N, 3, h, w), x to
    the right, y down, z ahead; a raw vector of length 0 stays 0.

    Raises:
        ConfigError: a loss does not compare normals.

    >>> import torch
    >>> head = NormalsHead(4)
    >>> head.decode(torch.tensor([3.0, 0.0, -4.0]).view(1, 3, 1, 1)).flatten().tolist()
    [0.6000000238418579, 0.0, -0.800000011920929]
    """

    types = ("direction",)
    target = NORMALS
    # The maximum of each component is not the direction of any view.
    merges = ("mean",)

    def __init__(
        self,
        in_channels: int,
        loss: dict | Sequence[dict] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        loss = dict(type="CosineLoss") if loss is None else loss
        super().__init__(in_channels, NORMALS.channels, loss, dropout, init_cfg)
        for built in self.loss_functions.values():
            if getattr(built, "space", None) != "normals":
                raise ConfigError(
                    f"NormalsHead: {type(built).__name__} is no loss of normals; choose "
                    "CosineLoss or DirectionL1Loss, or give yours a `space` of 'normals'."
                )

    def losses_of(self, raw: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the losses of raw vectors N,3,H,W against unit vectors N,3,H,W (0: none)."""
        valid = self.target.known_pixels(truth)
        return {name: loss(raw, truth, valid) for name, loss in self.loss_functions.items()}

    def decode(self, raw: Tensor) -> Tensor:
        return F.normalize(raw.float(), dim=1, eps=1e-6)

    def merged(self, views: Tensor) -> Tensor:
        return self.decode(views)
