"""Prediction: whole images, decoded in rows, compiled and by ONNX Runtime

The default experiment's network on a CPU, the branched ResNet-34 on a GPU. Predictions are of both
tasks, from normalised images to class ids and metres in full size.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

import torch
from torch import Tensor

from ...engine.live_memory import peak_memory
from ...errors import ConfigError, MTLError
from ...models.layers import resize
from ...models.segmentors import MultiTaskSegmentor
from ...models.segmentors.prediction import decoded
from ...models.segmentors.view import View, Window
from ..measurement import Goal
from ..row import Case, NotMeasured, Samples
from ..settings import Settings
from ..steps import build_network
from ..turns import in_turns, milliseconds, per_second, seconds_of
from . import growth, step


def in_rows(network: MultiTaskSegmentor, images: Tensor) -> list[Tensor]:
    """Return class ids and metres of a batch as the network predicts them."""
    samples = network.predict(images)
    heads = network.decode_head.tasks()
    return [
        torch.stack([sample.get(head.target.prediction).data for sample in samples])
        for _, head in heads
    ]


def at_once(network: MultiTaskSegmentor, images: Tensor) -> list[Tensor]:
    """Return the same by way of the raw maps of every class in full size."""
    return _enlarged(network, network(images, mode="tensor"), tuple(images.shape[2:]))


def _enlarged(
    network: MultiTaskSegmentor, raw: Mapping[str, Tensor], size: tuple[int, int]
) -> list[Tensor]:
    return [head.decode(resize(raw[task], size)) for task, head in network.decode_head.tasks()]


def cases(settings: Settings) -> Iterator[Case]:
    """Yield every comparison for both sizes."""
    config = settings.config(settings.choose(growth.CONFIG, step.CONFIG, growth.CONFIG))
    network = cache(lambda: build_network(config.model, settings.place).eval())
    batch = settings.choose(cpu=2, cuda=8, quick=2)
    sizes = [(512, 1024), (1024, 2048)]
    for size in settings.choose(cpu=sizes, cuda=sizes, quick=[(64, 128)]):
        name = f"{size[0]}x{size[1]}"
        images = cache(lambda size=size: torch.randn(1, 3, *size, device=settings.place))

        def eager(images: Callable[[], Tensor] = images) -> Callable[[], list[Tensor]]:
            return torch.no_grad()(partial(in_rows, network(), images()))

        @torch.no_grad()
        def decoding(images: Callable = images, size: tuple[int, int] = size) -> Samples:
            raw = network()(images(), mode="tensor")
            scale = {task: size[0] // maps.shape[2] for task, maps in raw.items()}
            views = [View(size, [Window(0, 0, *size, raw, scale)])]
            tasks = network().decode_head.tasks()

            def ours() -> list[Tensor]:
                return [decoded(views, task, head, size, "mean") for task, head in tasks]

            return milliseconds(in_turns(ours, partial(_enlarged, network(), raw, size), settings))

        def memory(images: Callable = images, eager: Callable = eager) -> Samples:
            plain = torch.no_grad()(partial(at_once, network(), images()))
            for ours, other in zip(eager()(), plain(), strict=True):
                if not torch.equal(ours, other):
                    raise MTLError("Predictions in rows differ from those of full-size maps.")
            peaks = ([_peak(run, network()) / 1e6] for run in (eager(), plain))
            return Samples(*peaks, "The predictions are exactly equal.")

        def throughput(images: Callable = images, eager: Callable = eager) -> Samples:
            many = images().expand(batch, -1, -1, -1).contiguous()
            together = torch.no_grad()(partial(in_rows, network(), many))
            taken = in_turns(together, eager(), settings)
            return Samples(per_second(taken, batch).ours, per_second(taken).other)

        def compiled(images: Callable = images, eager: Callable = eager) -> Samples:
            if settings.quick:
                raise NotMeasured("not in a quick run, which compiling takes much longer than")
            fast = build_network(dict(config.model, compile=True), settings.place).eval()
            run = torch.no_grad()(partial(in_rows, fast, images()))
            first = seconds_of(run, settings.place)
            return milliseconds(in_turns(run, eager(), settings, f"Compiling took {first:.0f} s."))

        def onnx(images: Callable = images, eager: Callable = eager) -> Samples:
            run = _onnx(network(), settings, images())
            return milliseconds(in_turns(run, eager(), settings))

        yield Case(
            f"{name}: decoding", "raw maps to predictions, a few rows at a time",
            "raw maps in full size, then predictions", "ms", decoding, Goal("at most", 1.0),
        )  # fmt: skip
        yield Case(
            f"{name}: memory", "a whole prediction, decoded a few rows at a time",
            "a whole prediction by raw maps in full size", "MB", memory, Goal("at most", 1.0),
        )  # fmt: skip
        yield Case(
            f"{name}: throughput", f"batches of {batch}", "one image at a time", "images/s",
            throughput,
        )  # fmt: skip
        yield Case(f"{name}: compiled", "compile=True", "eager", "ms", compiled)
        yield Case(f"{name}: ONNX", "ONNX Runtime", "eager", "ms", onnx)


def _peak(run: Callable[[], list[Tensor]], network: MultiTaskSegmentor) -> int:
    """Return the peak bytes above the weights."""
    weights = [*network.parameters(), *network.buffers()]
    device = weights[0].device
    held = sum(each.untyped_storage().nbytes() for each in weights)
    if device.type == "cuda":
        held = torch.cuda.memory_allocated(device)
    return peak_memory(run, weights, device) - held


def _onnx(network: MultiTaskSegmentor, settings: Settings, images: Tensor) -> Callable[[], object]:
    """Return what runs the network as an ONNX file on the same images."""
    try:
        from ...inference import ModelInfo, OnnxPredictor
        from ...inference.export.formats import save_onnx
    except ImportError as error:
        raise NotMeasured(f"models cannot be exported here ({error})") from error
    if settings.quick:
        raise NotMeasured("not in a quick run, which exporting takes much longer than")
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
