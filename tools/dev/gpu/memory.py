"""How much memory training and evaluation take on the device."""

from __future__ import annotations

import time

import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import TRANSFORMS

from ..bench.evaluations import PACK, random_samples
from ..bench.steps import TrainingStep, build_network
from .case import Findings, Settings, Skipped, case
from .speed import bench, run_row


@case(rank=10, limit=60)
def activation_checkpointing(settings: Settings, findings: Findings) -> None:
    """Recomputing activations takes less memory, and computes the same losses."""
    chosen = bench(settings)
    size, batch = settings.choose((512, 1024), (64, 64)), settings.choose(8, 2)
    peaks, losses = [], []
    for recomputes in (False, True):
        options = [f"model.backbone.with_cp={recomputes}"]
        config = chosen.config("miniscapes/branched_resnet34.py", options)
        torch.manual_seed(0)
        step = TrainingStep(config, size, batch, chosen.place)
        losses.append(float(step()["loss"]))
        peaks.append(step.memory())
        del step
    findings.note(plain_mb=peaks[0] / 1e6, recomputed_mb=peaks[1] / 1e6)
    findings.bound("loss_difference", abs(losses[1] / losses[0] - 1), at_most=1e-3)
    findings.bound("memory_ratio", peaks[1] / peaks[0], at_most=1.0 if not settings.quick else None)


@case(rank=11, limit=120)
def evaluation(settings: Settings, findings: Findings) -> None:
    """Whole, sliding and augmented evaluation at 1024x2048: images/s and peak memory."""
    chosen = bench(settings)
    size = settings.choose((1024, 2048), (64, 64))
    window = settings.choose((512, 512), (32, 32))
    samples = random_samples(settings.choose(4, 1), size)
    pack = TRANSFORMS.build(dict(PACK, type="PackTargets"))
    config = chosen.config("miniscapes/branched_resnet34.py")
    network = build_network(config.model, chosen.place).eval()
    kind = type(network.inference_config)
    stride = tuple(side * 2 // 3 for side in window)
    ways = dict(
        whole=None,
        sliding=dict(mode="slide", crop_size=window, stride=stride),
        augmented=dict(mode="whole", tta=dict(scales=(0.75, 1.0, 1.25), flip=True)),
        augmented_sliding=dict(
            mode="slide", crop_size=window, stride=stride, tta=dict(scales=(1.0,), flip=True)
        ),
    )
    for name, test_cfg in ways.items():
        network.inference_config = kind.of(test_cfg)

        def run() -> None:
            with torch.no_grad():
                for sample in samples:
                    network.test_step(pseudo_collate([pack(dict(sample))]))

        run()
        if settings.device == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            held = torch.cuda.memory_allocated()
        begin = time.perf_counter()
        run()
        if settings.device == "cuda":
            torch.cuda.synchronize()
            peak = torch.cuda.max_memory_allocated() - held
            findings.note(**{f"{name}_mb": peak / 1e6})
        seconds = time.perf_counter() - begin
        findings.note(**{f"{name}_images_per_s": len(samples) / seconds})
    if settings.device == "cuda":
        image = torch.randn(1, 3, *size, device=chosen.place).contiguous(
            memory_format=network.memory_format
        )
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        with torch.no_grad():
            network.backbone(image)
        torch.cuda.synchronize()
        findings.note(encoder_alone_mb=(torch.cuda.max_memory_allocated() - held) / 1e6)


@case(rank=19, limit=120)
def evaluation_against_mmseg(settings: Settings, findings: Findings) -> None:
    """Evaluation against mmseg with the same networks, 1024x2048."""
    run_row(settings, findings, "evaluation")


@case(rank=20, limit=30)
def large_memory(settings: Settings, findings: Findings) -> None:
    """What a training step of a large batch takes, by precision."""
    if settings.device != "cuda":
        raise Skipped("a processor's memory is measured by the benchmark's row `growth`")
    chosen = bench(settings)
    for name, options in (
        ("float32", []),
        ("bfloat16", ["optim_wrapper.type=AutocastOptimWrapper"]),
    ):
        config = chosen.config("miniscapes/branched_resnet34.py", options)
        step = TrainingStep(config, (512, 1024), 8, chosen.place)
        findings.note(**{f"{name}_mb": step.memory() / 1e6})
        del step
