"""Prediction: decoded in rows or at once, in batches, compiled, by ONNX Runtime

The default experiment's network on a CPU, the branched ResNet-34 on a GPU. Predictions are of both
tasks, from normalised images to class ids and metres in full size.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property, partial

import torch
from torch import Tensor

from mtl_plugins.costs import peak_memory
from mtl_plugins.errors import ConfigError, MTLError
from mtl_plugins.models.layers import resize
from mtl_plugins.models.segmentors import MultiTaskSegmentor, View, Window, decode_views

from ..measurement import Goal
from ..row import Case, NotMeasured, Samples
from ..settings import Settings
from ..steps import build_network
from ..turns import in_turns, milliseconds, per_second, seconds_of
from .step import CONFIG

DEFAULT = "mtl_branched.py"

Run = Callable[[], list[Tensor]]
"""A call that predicts every task."""


def in_rows(network: MultiTaskSegmentor, images: Tensor) -> list[Tensor]:
    """Predict class ids and metres of a batch as the network does, a few rows at a time."""
    samples = network.predict(images)
    heads = network.decode_head.tasks()
    return [
        torch.stack([sample.get(head.target.prediction).data for sample in samples])
        for _, head in heads
    ]


def at_once(network: MultiTaskSegmentor, images: Tensor) -> list[Tensor]:
    """Predict the same from the raw maps of every class in full size."""
    height, width = images.shape[2:]
    return _enlarged(network, network(images, mode="tensor"), (height, width))


def _enlarged(
    network: MultiTaskSegmentor, raw: Mapping[str, Tensor], size: tuple[int, int]
) -> list[Tensor]:
    return [head.decode(resize(raw[task], size)) for task, head in network.decode_head.tasks()]


class _Images:
    """The measurements with images of one size.

    Args:
        settings: settings of the row.
        model: config of the network.
        network: returns the network, which is built on the first call.
        size: (height, width).
    """

    def __init__(
        self,
        settings: Settings,
        model: dict,
        network: Callable[[], MultiTaskSegmentor],
        size: tuple[int, int],
    ) -> None:
        self.settings, self.model, self.network, self.size = settings, model, network, size

    @cached_property
    def image(self) -> Tensor:
        """One normalised image."""
        return torch.randn(1, 3, *self.size, device=self.settings.place)

    @cached_property
    def raw(self) -> dict[str, Tensor]:
        """The raw maps of the image."""
        with torch.no_grad():
            return self.network()(self.image, mode="tensor")

    def eager(self) -> Run:
        """Return a call that predicts the image."""
        return torch.no_grad()(partial(in_rows, self.network(), self.image))

    @torch.no_grad()
    def decoding(self) -> tuple[Run, Run]:
        """Return calls that decode the raw maps, in rows and at once."""
        network, size = self.network(), self.size
        tasks = network.decode_head.tasks()
        scale = {task: size[0] // maps.shape[2] for task, maps in self.raw.items()}
        views = [View(size, [Window(range(size[0]), range(size[1]), self.raw, scale)])]

        def rows() -> list[Tensor]:
            return [
                decode_views(views, task, head, size, "mean")["prediction"] for task, head in tasks
            ]

        return torch.no_grad()(rows), torch.no_grad()(partial(_enlarged, network, self.raw, size))

    def decoding_time(self) -> Samples:
        """Time the decoding."""
        return milliseconds(in_turns(*self.decoding(), self.settings))

    def decoding_memory(self) -> Samples:
        """Measure the memory of the decoding, and check that both predictions are equal."""
        ways = self.decoding()
        for ours, other in zip(*(run() for run in ways), strict=True):
            if not torch.equal(ours, other):
                raise MTLError("Predictions in rows differ from those of full-size maps.")
        ours, other = (_above_held(run, [*self.raw.values()]) / 1e6 for run in ways)
        return Samples([ours], [other], "The predictions are exactly equal.")

    def memory(self) -> Samples:
        """Measure the memory of whole predictions."""
        plain = torch.no_grad()(partial(at_once, self.network(), self.image))
        held = [self.image, *self.network().parameters(), *self.network().buffers()]
        ours, other = (_above_held(run, held) / 1e6 for run in (self.eager(), plain))
        return Samples([ours], [other])

    def throughput(self, batch: int) -> Samples:
        """Time batches and single images."""
        many = self.image.expand(batch, -1, -1, -1).contiguous()
        together = torch.no_grad()(partial(in_rows, self.network(), many))
        taken = in_turns(together, self.eager(), self.settings)
        return Samples(per_second(taken, batch).ours, per_second(taken).other)

    def compiled(self) -> Samples:
        """Time the compiled network."""
        if self.settings.quick:
            raise NotMeasured("not in a quick run: compiling takes too long")
        fast = build_network(dict(self.model, compile=True), self.settings.place).eval()
        run = torch.no_grad()(partial(in_rows, fast, self.image))
        first = seconds_of(run, self.settings.place)
        note = f"Compiling took {first:.0f} s."
        return milliseconds(in_turns(run, self.eager(), self.settings, note))

    def onnx(self) -> Samples:
        """Time ONNX Runtime."""
        run = _onnx(self.network(), self.settings, self.image)
        return milliseconds(in_turns(run, self.eager(), self.settings))


def cases(settings: Settings) -> Iterator[Case]:
    """Yield every comparison for both sizes."""
    model = settings.config(settings.choose(DEFAULT, CONFIG, DEFAULT)).model
    network = cache(lambda: build_network(model, settings.place).eval())
    batch = settings.choose(cpu=2, cuda=8, quick=2)
    sizes = [(512, 1024), (1024, 2048)]
    at_most_one = Goal("at most", 1.0)
    for size in settings.choose(cpu=sizes, cuda=sizes, quick=[(64, 128)]):
        images = _Images(settings, model, network, size)
        name = f"{size[0]}x{size[1]}"
        for case, ours, other, unit, measure, goal in (
            (
                "decoding", "raw maps to predictions, a few rows at a time",
                "raw maps in full size, then predictions", "ms", images.decoding_time, at_most_one,
            ),
            ("decoding, memory", "the same", "the same", "MB", images.decoding_memory, at_most_one),
            (
                "memory", "a whole prediction, decoded a few rows at a time",
                "a whole prediction by raw maps in full size", "MB", images.memory, at_most_one,
            ),
            (
                "throughput", f"batches of {batch}", "one image at a time", "images/s",
                partial(images.throughput, batch), None,
            ),
            ("compiled", "compile=True", "eager", "ms", images.compiled, None),
            ("ONNX", "ONNX Runtime", "eager", "ms", images.onnx, None),
        ):  # fmt: skip
            yield Case(f"{name}: {case}", ours, other, unit, measure, goal)


def _above_held(run: Run, held: list[Tensor]) -> int:
    """Return the peak bytes above tensors that exist before."""
    device = held[0].device
    there = sum(each.untyped_storage().nbytes() for each in held)
    if device.type == "cuda":
        there = torch.cuda.memory_allocated(device)
    return peak_memory(run, held, device) - there


def _onnx(network: MultiTaskSegmentor, settings: Settings, images: Tensor) -> Callable[[], object]:
    """Return a call that runs the network as an ONNX file on the same images."""
    try:
        from mtl_plugins.inference import ModelInfo, OnnxPredictor
        from mtl_plugins.inference.export import save_onnx
    except ImportError as error:
        raise NotMeasured(f"models cannot be exported here ({error})") from error
    if settings.quick:
        raise NotMeasured("not in a quick run: exporting takes too long")
    path = settings.folder("model.onnx")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    network = copy.deepcopy(network).cpu()
    save_onnx(network, path, ModelInfo.of(network, {}))
    try:
        predictor = OnnxPredictor(path, settings.device)
    except ConfigError as error:  # an ONNX Runtime without GPU
        raise NotMeasured(str(error)) from error
    inputs = images.cpu().numpy()
    return lambda: predictor.run(inputs)
