"""Prediction: whole images, decoded in rows, compiled and by ONNX Runtime

The default experiment's network on a CPU, the branched ResNet-34 on a GPU. Predictions are of both
tasks, from normalised images to class ids and metres in full size.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache, partial

import torch
from torch import Tensor

from ...engine.live_memory import peak_memory
from ...errors import MTLError
from ...models.layers import resize
from ...models.segmentors import MultiTaskSegmentor
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
    raw = network(images, mode="tensor")
    size = tuple(images.shape[2:])
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

        def rows(memory: bool, images: Callable = images, eager: Callable = eager) -> Samples:
            plain = torch.no_grad()(partial(at_once, network(), images()))
            for ours, other in zip(eager()(), plain(), strict=True):
                if not torch.equal(ours, other):
                    raise MTLError("Predictions in rows differ from those of full-size maps.")
            note = "The predictions are exactly equal."
            if memory:
                return Samples(*([_peak(run, network()) / 1e6] for run in (eager(), plain)), note)
            return milliseconds(in_turns(eager(), plain, settings, note))

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
            f"{name}: rows, time", "decoded a few rows at a time", "raw maps in full size", "ms",
            partial(rows, False), Goal("at most", 1.0),
        )  # fmt: skip
        yield Case(
            f"{name}: rows, memory", "decoded a few rows at a time", "raw maps in full size",
            "MB", partial(rows, True), Goal("at most", 1.0),
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
    save_onnx(network, path, ModelInfo.of(network, {}))
    predictor = OnnxPredictor(path, settings.device)
    inputs = images.cpu().numpy()
    return lambda: predictor.run(inputs)
