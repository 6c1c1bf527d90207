"""The interface of predictors, and the predictions that the inferencer makes with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from ..errors import ConfigError
from ..models.layers import resize
from ..targets import Target
from ..utils import did_you_mean
from .inputs import Problem, Source

Maps = dict[str, np.ndarray]
"""The prediction for one image by task name, in the image's own size. By the type of the target:
`classes` and `binary` H,W integers, `scalar` H,W, `direction` H,W,3 unit vectors, `offset` H,W,2
pixels of the image, all float32."""

Size = tuple[int, int]


class Predictor(Protocol):
    """Predict every task for a batch of images.

    `metainfo` holds `targets`, the `Target` of each task by the task's name; see `metainfo_of` for
    the other entries. Without `targets`, the predictor is one of version 0.1, see `targets_of`.
    """

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """Targets of the tasks, and what follows from them."""

    def __call__(self, images: Sequence[np.ndarray]) -> list[Maps]:
        """Return the maps of each image, H,W,3 uint8 BGR; sizes may differ."""


@dataclass(frozen=True)
class DepthBins:
    """The distribution of each pixel's depth over the bins that a network chose for an image.

    Args:
        probabilities: B,h,w float32, sum 1 over B, in the resolution of the network's output for
            the image padded to `padded` pixels. In the image's own size it would be B depth maps.
        depths: B float32, the depth of each bin in metres.
        edges: B+1 float32 metres between the bins, increasing; None where bins have no edges.
        padded, resized, size: heights and widths of the padded image, of the image after the test
            pipeline, and of the image itself.
    """

    probabilities: np.ndarray
    depths: np.ndarray
    edges: np.ndarray | None
    padded: Size
    resized: Size
    size: Size

    def full_size(self) -> np.ndarray:
        """Return the probabilities B,H,W float32 in the image's size; their mean is the depth."""
        maps = torch.from_numpy(self.probabilities)[None]
        height, width = self.resized
        return resize(resize(maps, self.padded)[..., :height, :width], self.size)[0].numpy()


@dataclass(frozen=True)
class Prediction:
    """The maps of every task for one image, in the image's own size.

    Args:
        name: unique among the predictions of one call; frames of a video are `<video>/<number>`.
        image: H,W,3 uint8 BGR.
        maps: by task name, see `Maps`.
        targets: the target of each task.
        source: the input that the image comes from.
        index: number of the frame in its source.
        bins: each task's distribution over depths, where requested.
    """

    name: str
    image: np.ndarray
    maps: Maps
    targets: Mapping[str, Target]
    source: Source
    index: int = 0
    bins: Mapping[str, DepthBins] = field(default_factory=dict)

    @property
    def semseg(self) -> np.ndarray | None:
        """Class ids, H,W uint8; None where the network does not predict the target `semseg`."""
        return self.of_kind("semseg")

    @property
    def depth(self) -> np.ndarray | None:
        """Metres (the data set's unit where it is relative), H,W float32; or None."""
        return self.of_kind("depth")

    @property
    def normals(self) -> np.ndarray | None:
        """Unit vectors, H,W,3 float32: x right, y down, z ahead; or None."""
        return self.of_kind("normals")

    def of_kind(self, kind: str) -> np.ndarray | None:
        """Return the first map of a target by its name, or by its type; None without one."""
        for of in (lambda target: target.truth_name, lambda target: target.type):
            for task, target in self.targets.items():
                if of(target) == kind:
                    return self.maps[task]
        return None

    def __getitem__(self, task: str) -> np.ndarray:
        """Return the map of a task by its name.

        Raises:
            KeyError: the network predicts no such map.
        """
        if task not in self.maps:
            raise KeyError(
                f"The network predicts no {task!r}. {did_you_mean(str(task), self.maps)}"
            )
        return self.maps[task]


class Predictions(list[Prediction]):
    """Predictions in the order of the inputs; `problems` lists the inputs that are missing."""

    def __init__(self, predictions: Iterable[Prediction], problems: list[Problem]) -> None:
        super().__init__(predictions)
        self.problems = problems


def checked_device(device: str | torch.device | None) -> torch.device:
    """Return torch's device by its name; without a name CUDA where available, else the CPU.

    Raises:
        ConfigError: torch cannot use the device here.

    >>> checked_device("cpu")
    device(type='cpu')
    """
    count = torch.cuda.device_count()
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].split(". ")[0].rstrip(".")
        raise ConfigError(
            f"device={str(device)!r} cannot be used here ({reason}). Choose 'cpu'"
            + (", or 'cuda' with the number of one, such as 'cuda:0'." if count else ".")
        ) from error
    return found
