"""Prediction of any input, into memory or into files.

A prediction passes through `Sources` (inputs.py), a predictor (torch_predictor.py or
exported_predictor.py) and, where files are written, `OutputFolder` (output.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from mmengine.config import Config

from ..errors import ConfigError, DataError
from ..models.preprocessing import RGB_CHANNELS
from ..models.segmentors import EXTRAS
from ..utils import track
from .descriptions import targets_of
from .exported_predictor import ExportedProgramPredictor, OnnxPredictor
from .inputs import Frame, Problem, Sources
from .memory import Inputs
from .output import OutputFolder, Report
from .predictor import Maps, Prediction, Predictions, Predictor
from .torch_predictor import TorchPredictor

EXPORTED: dict[str, Callable[..., Predictor]] = {
    ".onnx": OnnxPredictor,
    ".pt2": ExportedProgramPredictor,
}
"""The predictor of each exported format, by the suffix of its files."""

STDIN = "-"
"""The input of a command that means the image file at its standard input."""


def predict(
    model: str,
    inputs: Sequence[str],
    folder: str,
    loading: Mapping[str, Any],
    writing: Mapping[str, Any],
) -> None:
    """Predict inputs into a folder and print a summary; unreadable inputs go to stderr.

    Args:
        model, folder: see `MultiTaskInferencer` and its `save`.
        inputs: paths and so on; "-" is an image file at standard input.
        loading: further arguments of `MultiTaskInferencer`.
        writing: further arguments of `OutputFolder`.
    """
    extras = [name for name in EXTRAS if name in (writing.get("kinds") or ())]
    network = MultiTaskInferencer(model, **loading, extras=extras)
    given = [sys.stdin.buffer if value == STDIN else value for value in inputs]
    report = network.save(given, folder, **writing)
    count = f"{report.images} image{'s' * (report.images != 1)}"
    print(f"{count} predicted, see {report.folder}/predictions.json")
    if report.too_far:
        print(
            f"{report.too_far} pixels are too far for 16 bits and were written as the largest "
            "depth; choose a larger --depth-scale.",
            file=sys.stderr,
        )
    if report.problems:
        print(f"{len(report.problems)} inputs could not be read:", file=sys.stderr)
    for problem in report.problems:
        print(f"  {problem}", file=sys.stderr)


class MultiTaskInferencer:
    """Predict the tasks of a network for images in files, folders, videos, webcams or memory.

    Args:
        model: a checkpoint (`.pth`), an exported network (`.onnx`, `.pt2`), or a `Predictor`.
        config: config file or config that the checkpoint was trained with; default: the one that
            the checkpoint carries, which is read as data.
        device: "cpu", "cuda", "cuda:1", ...; default: CUDA where available.
        batch_size: number of images that are read and predicted together; only images of equal
            size form one batch of the network.
        amp: mixed precision, bfloat16 where the device supports it.
        options: `key=value` laid over a config file, as in `--cfg-options`.
        extras: which of `EXTRAS` are predicted too, of every task with classes or a mask: of
            `semseg` there are then `semseg_confidence`, H,W, and `semseg_probability`, H,W,C (H,W
            of masks), shares of 0 to 1, float32.

    Attributes:
        targets: the target of each task.

    Raises:
        ConfigError: the arguments contradict each other.
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
        extras: Sequence[str] = (),
    ) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ConfigError(f"batch_size={batch_size!r}; expected a whole number, 1 or more.")
        self.batch_size = batch_size
        extras = [extras] if isinstance(extras, str) else extras
        self.predictor = load_predictor(model, config, device, amp, options, extras)
        self.targets = targets_of(self.predictor.metainfo)

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """Targets of the tasks and what follows from them, see `Predictor`."""
        return {**self.predictor.metainfo, "targets": self.targets}

    def __call__(self, inputs: Inputs, bins: bool = False) -> Predictions:
        """Predict all inputs, and hold all predictions in memory.

        Args:
            inputs: see `Inputs`.
            bins: whether to add the distribution over depths of tasks with bins, which is large.

        Raises:
            DataError: none of the inputs could be read.
            ConfigError: bins are requested, but the network has none.
        """
        sources = self._sources(inputs)
        frames = track(self._predict(sources, bins), "predicting", sources.length)
        predictions = Predictions(frames, sources.problems)
        if not predictions:
            raise _nothing_read(sources.problems)
        return predictions

    def stream(
        self, inputs: Inputs, bins: bool = False, problems: list[Problem] | None = None
    ) -> Iterator[Prediction]:
        """Predict lazily, with one batch in memory; a webcam never ends.

        Args:
            inputs, bins: as in a call.
            problems: a list that receives the inputs that cannot be read.
        """
        sources = self._sources(inputs)
        if problems is not None:
            problems.extend(sources.problems)
            sources.problems = problems
        return self._predict(sources, bins)

    def save(self, inputs: Inputs, folder: str | Path, **options: Any) -> Report:
        """Predict all inputs into files, with one batch in memory.

        Ctrl-C ends a webcam and leaves complete files. Predictions of other inputs that are in the
        folder already stay there; those of the same files are replaced.

        Args:
            inputs: see `Inputs`. Where `folder` lies in one of them, it is left out.
            folder: a new or empty folder, or one that an earlier call has written.
            options: of `OutputFolder`: `kinds`, `depth_range`, `depth_scale`, ...

        Raises:
            DataError: none of the inputs could be read.
            ConfigError: the folder holds other things, an option is wrong, or only videos are to be
                written and no input is one.
        """
        with OutputFolder(folder, self.metainfo, **options) as output:
            sources = self._sources(inputs, folder, output.earlier)
            if {*output.kinds} == {"video"} and not any(each.video for each in sources.items):
                raise ConfigError(
                    "kinds=['video'] writes nothing of images, and no input is a video. Choose "
                    "other kinds, such as panel or overlay, or none for the usual ones."
                )
            frames = self._predict(sources, bins=False)
            try:
                for prediction in track(frames, "predicting", sources.length):
                    output.write(prediction)
            except KeyboardInterrupt:
                if sources.length is not None:
                    raise
            report = output.finish(sources.problems)
        if not report.images:
            raise _nothing_read(sources.problems)
        return report

    def _sources(
        self,
        inputs: Inputs,
        skip: str | Path | None = None,
        earlier: Mapping[str, str] = MappingProxyType({}),
    ) -> Sources:
        meta = self.predictor.metainfo
        channels = meta.get("image_channels", RGB_CHANNELS)
        return Sources(inputs, skip, earlier, meta.get("image_range"), channels)

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
            for each, (maps, found) in zip(batch, results, strict=True):
                yield Prediction(
                    each.name, each.image, maps, self.targets, each.source, each.index, found
                )


def load_predictor(
    model: str | Path | Predictor,
    config: str | Path | Config | None = None,
    device: str | torch.device | None = None,
    amp: bool = False,
    options: Sequence[str] = (),
    extras: Sequence[str] = (),
) -> Predictor:
    """Return the predictor of a file: `.onnx`, `.pt2`, or else a checkpoint.

    Args: as in `MultiTaskInferencer`; a `Predictor` is returned unchanged.

    Raises:
        ConfigError: the file is a config, or an exported network with arguments of a checkpoint; or
            the model is neither a file nor a `Predictor`.
    """
    if not isinstance(model, (str, Path)):
        if not (callable(model) and hasattr(model, "metainfo")):
            raise ConfigError(
                f"model is a {type(model).__name__}; expected the path of a checkpoint (.pth) or "
                "of an exported network (.onnx, .pt2), or a Predictor."
            )
        return model
    suffix = Path(model).suffix.lower()
    if suffix == ".py":
        raise ConfigError(
            f"{model} is a config; the model is a checkpoint (.pth), which brings its own, or an "
            f"exported network. Give the checkpoint, and config={str(model)!r} beside it if needed."
        )
    if suffix not in EXPORTED:
        return TorchPredictor(model, config, device, amp, options, extras)
    if config is not None or amp or options:
        raise ConfigError(f"{model} is an exported network: config, options and amp are built in.")
    predictor = EXPORTED[suffix](model, device)
    own = {name.rpartition("_")[2] for name in predictor.metainfo.get("extras", ())}
    if missing := [each for each in extras if each not in own]:
        raise ConfigError(
            f"{model} has no {' or '.join(missing)} among its outputs. Export it with --extras "
            f"{' '.join(missing)}, or predict from the checkpoint."
        )
    return predictor


def _nothing_read(problems: Sequence[Problem]) -> DataError:
    reasons = "".join(f"\n  {problem}" for problem in problems) or " They are empty."
    return DataError(f"None of the inputs could be read.{reasons}")
