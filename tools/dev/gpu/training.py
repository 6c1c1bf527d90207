"""Trainings of the default config: precision, compiling, processes, resuming."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
from typing import Any

import torch
from torch import distributed

from .case import Findings, Result, Settings, Skipped, case
from .runs import same_start, short_run

PRECISIONS: dict[str, tuple[list[str], float, float]] = {
    # options, tolerance of the first loss, tolerance of the mean of the last ten
    "float32": (["env_cfg.tf32=False"], 1e-3, 0.05),
    "tf32": (["env_cfg.tf32=True"], 1e-2, 0.05),
    "bfloat16": (["optim_wrapper.type=AutocastOptimWrapper"], 3e-2, 0.1),
    "float16": (
        ["optim_wrapper.type=AutocastOptimWrapper", "optim_wrapper.dtype=float16"], 3e-2, 0.1,
    ),
}  # fmt: skip


@case(rank=0, limit=60)
def environment(settings: Settings, findings: Findings) -> None:
    """What the machine is, and what its memory and matrix units do."""
    if settings.device != "cuda":
        raise Skipped("describes a GPU")
    free, total = torch.cuda.mem_get_info()
    findings.note(
        memory_gib=total / 2**30, free_gib=free / 2**30, cudnn=torch.backends.cudnn.version(),
        capability=".".join(map(str, torch.cuda.get_device_capability())),
    )  # fmt: skip
    side = 8192
    a, b = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    taken = _device_seconds(lambda: a @ b)
    findings.note(bf16_tflops=2 * side**3 / taken / 1e12)
    source = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    taken = _device_seconds(lambda: target.copy_(source))
    findings.note(copy_tb_per_s=2 * 2**30 / taken / 1e12)


def _device_seconds(run: Any) -> float:
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(10):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - begin) / 10


@case(rank=1, limit=120)
def precision(settings: Settings, findings: Findings) -> None:
    """The default run's first 50 steps in four precisions."""
    if not settings.quick:
        short_run(settings, "rendering")  # renders, warms up
    found = {}
    start = same_start(settings)
    for name, (options, _, _) in PRECISIONS.items():
        if name in ("float16", "tf32") and settings.device != "cuda":
            continue  # a processor has neither
        _, recorded = short_run(settings, name, [start, *options])
        found[name] = losses = recorded.losses
        findings.note(**{f"{name}_losses": losses})
        findings.check(f"{name}_finite", all(map(math.isfinite, losses)))
        whole, waiting = recorded.pace()
        findings.note(**{f"{name}_ms": whole, f"{name}_waiting_ms": waiting})
    for name, losses in found.items():
        _compare(findings, name, losses, found["float32"])
    with open(settings.scratch("losses.json"), "w", encoding="utf-8") as file:
        json.dump(found, file)


@case(rank=5, limit=150)
def against_cpu(settings: Settings, findings: Findings) -> None:
    """The losses of `precision` against those of a processor in float32."""
    path = settings.scratch("losses.json")
    if not os.path.isfile(path):
        raise Skipped("`precision` has not run")
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    # Another machine's would not do: other versions of libraries augment in other ways.
    here = settings.device == "cpu"
    expected = _losses(settings) if here else _on_cpu(settings)
    for name, losses in found.items():
        _compare(findings, name, losses, expected)


def _compare(findings: Findings, name: str, losses: list[float], expected: list[float]) -> None:
    """Hold the first loss and the mean of the last ten to the precision's tolerances."""
    _, first, last = PRECISIONS[name]
    findings.bound(f"{name}_first", _relative(losses[:1], expected[:1]), first)
    findings.bound(f"{name}_last10", _relative(losses[-10:], expected[-10:]), last)


def _relative(values: list[float], expected: list[float]) -> float:
    return abs(sum(values) / sum(expected) - 1)


def _on_cpu(settings: Settings) -> list[float]:
    """Return the losses of `cpu_losses`, run in a process that sees no GPU."""
    command = [
        sys.executable,
        os.path.join(settings.root, "tools", "dev", "commands", "gpu_check.py"),
    ]
    command += ["--worker", "--out", settings.out, "--device", "cpu", "--cases", "cpu_losses"]
    command += ["--quick"] if settings.quick else []
    done = subprocess.run(
        command, stdout=subprocess.PIPE, env=dict(os.environ, CUDA_VISIBLE_DEVICES="")
    )
    result = Result(**json.loads(done.stdout.splitlines()[-1]))
    if result.status != "passed":
        raise RuntimeError(f"The training on the processor failed: {result.messages}")
    return result.measured["losses"]


@case(rank=99, limit=600)
def cpu_losses(settings: Settings, findings: Findings) -> None:
    """The processor's losses of the default run, which `against_cpu` compares with."""
    if settings.device != "cpu":
        raise Skipped("runs as a part of `against_cpu`, in a process without a GPU")
    findings.note(losses=_losses(settings))


def _losses(settings: Settings) -> list[float]:
    return short_run(settings, "cpu", [same_start(settings)])[1].losses


@case(rank=2, limit=60)
def synchronisations(settings: Settings, findings: Findings) -> None:
    """No step waits for the device, but where values are logged."""
    if settings.device != "cuda":
        short_run(settings, "synchronisations")
        raise Skipped("a processor has no queue to wait for")
    # Values are logged after iterations 20 and 40.
    for name, options in (("bfloat16", PRECISIONS["bfloat16"][0]),):
        _, recorded = short_run(settings, "synchronisations", options, profiled=(22, 37))
        steps = 16
        print(recorded.table)
        findings.note(**{f"{name}_device_ms": recorded.device_ms / steps})
        for call, count in recorded.calls.items():
            findings.note(**{f"{name}_{call}": count / steps})
        where = sorted({*recorded.warned})
        findings.note(**{f"{name}_waits_in": ", ".join(where)})
        findings.bound(f"{name}_waits_a_step", len(recorded.warned) / steps, at_most=0)
        full_waits = sum(recorded.calls.get(c, 0) for c in ("cudaStreamSynchronize", "cudaMemcpy"))
        findings.bound(f"{name}_full_waits_a_step", full_waits / steps, at_most=0)


@case(rank=3, limit=150)
def compile(settings: Settings, findings: Findings) -> None:
    """torch.compile of encoder and head: time, graph breaks, the same losses."""
    import torch._dynamo as dynamo

    dynamo.reset()
    dynamo.utils.counters.clear()
    quick: bool | dict[str, Any] = dict(backend="eager")
    arguments = settings.choose(True, quick)
    amp = PRECISIONS["bfloat16"][0]
    _, eager = short_run(settings, "eager", amp)
    begin = time.perf_counter()
    _, compiled = short_run(settings, "compiled", amp, compile=arguments)
    findings.note(compile_seconds=compiled.ends[1] - begin)
    breaks = dynamo.utils.counters["graph_break"]
    findings.bound("graph_breaks", sum(breaks.values()), at_most=0)
    findings.note(breaks=[text[:200] for text in breaks])
    findings.note(recompiles=sum(dynamo.utils.counters["recompiles"].values()))
    findings.bound("first", _relative(compiled.losses[:1], eager.losses[:1]), 3e-2)
    findings.bound("last10", _relative(compiled.losses[-10:], eager.losses[-10:]), 0.1)
    for name, recorded in (("eager", eager), ("compiled", compiled)):
        whole, waiting = recorded.pace()
        findings.note(**{f"{name}_ms": whole, f"{name}_waiting_ms": waiting})


@case(rank=6, limit=45)
def nonfinite(settings: Settings, findings: Findings) -> None:
    """A step whose loss is NaN leaves weights and statistics as they were."""
    ways: tuple[tuple[str, list[str]], ...] = (
        ("fused", []),
        ("unfused", ["optim_wrapper.optimizer.fused=False"]),
    )
    for name, options in settings.choose(ways, ways[:1]):
        at = settings.choose(10, 1)
        _, recorded = short_run(
            settings, f"nonfinite_{name}", options, settings.choose(20, 3), poisoned=at
        )
        losses = recorded.losses
        findings.check(f"{name}_skipped", recorded.unchanged and math.isnan(losses[at]))
        findings.check(f"{name}_goes_on", math.isfinite(losses[-1]))
    if settings.device == "cuda":
        options = [*PRECISIONS["float16"][0]]
        _, recorded = short_run(settings, "nonfinite_scaler", options, 20, poisoned=10)
        findings.check("scaler_goes_on", math.isfinite(recorded.losses[-1]))


@case(rank=7, limit=60)
def processes(settings: Settings, findings: Findings) -> None:
    """NCCL with one process: DDP and ShardedModel train as one process without them does."""
    steps = settings.choose(20, 2)
    plain = ["env_cfg.tf32=False"]
    _, alone = short_run(settings, "alone", plain, steps)
    findings.note(loss=alone.losses[-1])
    for name, options in (
        ("ddp", []),
        ("sharded", ["model_wrapper_cfg.type=ShardedModel", "model.channels_last=False"]),
        ("sync_bn", ["sync_bn=torch"]),
    ):
        if settings.device != "cuda" and name == "sync_bn":
            continue
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        os.environ.update(
            RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )  # fmt: skip
        try:
            runner, one = short_run(
                settings, name, [*plain, *options], steps, launcher="pytorch", keep=True
            )
            findings.note(**{f"{name}_wrapper": type(runner.model).__name__})
            findings.note(**{f"{name}_backend": distributed.get_backend()})
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()
            for variable in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
                os.environ.pop(variable, None)
        findings.bound(f"{name}_first", _relative(one.losses[:1], alone.losses[:1]), 1e-4)
        findings.bound(f"{name}_last", _relative(one.losses[-5:], alone.losses[-5:]), 0.05)


@case(rank=8, limit=90)
def resume(settings: Settings, findings: Findings) -> None:
    """A resumed run equals an uninterrupted one: bit for bit where algorithms are deterministic."""
    steps = settings.choose(20, 2)
    ways = (("deterministic", True), ("default", False))
    for name, deterministic in settings.choose(ways, ways[:1]):
        options = [f"randomness.deterministic={deterministic}"]
        options += ["env_cfg.cudnn_benchmark=False"] if deterministic else []
        try:
            whole, _ = short_run(settings, f"whole_{name}", options, steps, 2, keep=True)
            short_run(settings, f"stopped_{name}", options, steps, 2, keep=True, stop_after_epoch=1)
            resumed, _ = short_run(
                settings, f"stopped_{name}", options, steps, 2, keep=True, resume="auto"
            )
        finally:
            torch.use_deterministic_algorithms(False)
            torch.backends.cudnn.deterministic = False
        pairs = list(
            zip(whole.model.state_dict().values(), resumed.model.state_dict().values(), strict=True)
        )
        if deterministic:
            findings.check("deterministic_equal", all(torch.equal(a, b) for a, b in pairs))
        largest = max(float((a.float() - b.float()).abs().max()) for a, b in pairs)
        size = max(float(a.float().abs().max()) for a, _ in pairs)
        findings.note(**{f"{name}_largest_difference": largest / size})
