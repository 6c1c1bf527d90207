"""One object that predicts whatever it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ..errors import ConfigError, DataError
from ..utils import track
from .inputs.source import Frame, Problem
from .inputs.sources import Inputs, Sources
from .outputs.output import OutputFolder, Report
from .predictors.loading import load_predictor
from .predictors.prediction import Prediction, Predictions
from .predictors.predictor import Maps, Predictor


class MultiTaskInferencer:
    """Predict classes, metres and normals of arrays, files, folders, globs, videos and webcams.

    Args:
        model: a checkpoint (`.pth`), an exported network (`.onnx`, `.pt2`), or a `Predictor`.
        config: config file or config that the checkpoint was trained with; default: the one that
            the checkpoint carries, which is read as data.
        device: "cpu", "cuda", "cuda:1", ...; default: CUDA where there is one.
        batch_size: images that are predicted together, where their sizes are equal.
        amp: mixed precision, bfloat16 where the device can.
        options: `key=value` laid over a config file, as in `--cfg-options`.

    Raises:
        ConfigError: the arguments do not fit together.
        CheckpointError: the checkpoint would need pickle, or its own config would run code.
    """

    def __init__(
        self,
        model: str | Path | Predictor,
        config: str | Path | Config | None = None,
        device: str | torch.device | None = None,
        batch_size: int = 4,
        amp: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size={batch_size}; expected 1 or more.")
        self.batch_size = batch_size
        self.predictor = load_predictor(model, config, device, amp, options)

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """Classes, palette, depth unit and tasks, see `Predictor`."""
        return self.predictor.metainfo

    def __call__(self, inputs: Inputs, bins: bool = False) -> Predictions:
        """Predict all inputs, and hold all predictions in memory.

        Args:
            inputs: see `Inputs`.
            bins: also the distribution over depths of tasks with bins, which is large.

        Raises:
            DataError: none of the inputs could be read.
            ConfigError: bins were asked for of a network that has none.
        """
        sources = Sources(inputs)
        frames = track(self._predict(sources, bins), "predicting", sources.length)
        predictions = Predictions(list(frames), sources.problems)
        if not predictions:
            raise nothing_read(sources.problems)
        return predictions

    def stream(
        self, inputs: Inputs, bins: bool = False, problems: list[Problem] | None = None
    ) -> Iterator[Prediction]:
        """Predict as the iterator is read, with one batch in memory; a webcam never ends.

        Args:
            inputs, bins: as in a call.
            problems: a list to which the inputs are added that cannot be read.
        """
        sources = Sources(inputs)
        if problems is not None:
            problems.extend(sources.problems)
            sources.problems = problems
        return self._predict(sources, bins)

    def save(self, inputs: Inputs, folder: str | Path, **options: Any) -> Report:
        """Predict all inputs into files, with one batch in memory.

        Ctrl-C ends a webcam; what was predicted until then is complete.

        Args:
            inputs: see `Inputs`. `folder` itself is left out where it lies in one of them.
            folder: a new or empty folder, or one that an earlier call has written.
            options: of `OutputFolder`: `kinds`, `depth_range`, `depth_scale`, ...

        Raises:
            DataError: none of the inputs could be read.
            ConfigError: the folder holds other things, or an option is wrong.
        """
        with OutputFolder(folder, self.metainfo, **options) as output:
            sources = Sources(inputs, skip=folder)
            frames = self._predict(sources, bins=False)
            try:
                for prediction in track(frames, "predicting", sources.length):
                    output.write(prediction)
            except KeyboardInterrupt:
                if sources.length is not None:
                    raise
            report = output.finish(sources.problems)
        if not report.images:
            raise nothing_read(sources.problems)
        return report

    def _predict(self, frames: Iterable[Frame], bins: bool) -> Iterator[Prediction]:
        remaining = iter(frames)
        while batch := list(islice(remaining, self.batch_size)):
            images = [frame.image for frame in batch]
            if not bins:
                results: list[tuple[Maps, Any]] = [(maps, {}) for maps in self.predictor(images)]
            elif hasattr(self.predictor, "with_bins"):
                results = self.predictor.with_bins(images)
            else:
                raise ConfigError(
                    f"A {type(self.predictor).__name__} gives no bins; predict from the checkpoint."
                )
            for frame, (maps, distributions) in zip(batch, results, strict=True):
                yield Prediction(
                    frame.name,
                    frame.image,
                    maps,
                    self.metainfo["tasks"],
                    frame.source,
                    frame.index,
                    distributions,
                )


def nothing_read(problems: Sequence[Problem]) -> DataError:
    """Return the error for inputs of which none could be read."""
    reasons = "".join(f"\n  {problem}" for problem in problems) or " They are empty."
    return DataError(f"None of the inputs could be read.{reasons}")
