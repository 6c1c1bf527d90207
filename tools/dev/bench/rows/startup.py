"""Start-up: imports and the first iteration; and the rendering of scenes

Every start is a new process. "mmseg alone" has its models, data sets and hooks registered, as a
training needs them, and the same repairs of the stack.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from mtl_plugins.street_scenes import render_scene

from ..measurement import Goal
from ..row import Case, NotMeasured, Samples
from ..scenes import scenes
from ..settings import Settings
from ..turns import per_second, seconds_of

OURS = "import mtl_plugins"
MMSEG = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("compat", sys.argv[1])
compat = module_from_spec(spec)
spec.loader.exec_module(compat)
compat.prepare_stack()
from mmengine.runner import Runner
from mmseg.utils import register_all_modules
register_all_modules()
"""


def cases(settings: Settings) -> Iterator[Case]:
    """Yield the starts, then the rendering."""
    compat = os.path.join(settings.root, "mtl_plugins", "install", "compat.py")
    tool = os.path.join(settings.root, "tools", "train.py")

    def imports() -> Samples:
        if settings.quick:
            raise NotMeasured("not in a quick run: it takes too long")
        return _in_turns(
            lambda: _start(settings, "-c", OURS), lambda: _start(settings, "-c", MMSEG, compat),
            settings,
        )  # fmt: skip

    def first_iteration() -> Samples:
        if settings.quick:
            raise NotMeasured("not in a quick run: it takes too long")
        data = scenes(settings, 32, (128, 256))
        data.render()
        arguments = [f"train_dataloader.dataset.data_root={data.root}"]
        arguments += [f"val_dataloader.dataset.data_root={data.root}"]
        for split in ("train", "val"):
            counts = f"{split}_dataloader.dataset.counts"
            arguments += [f"{counts}.train={data.count}", f"{counts}.val=1"]
        return Samples(
            [
                _first_iteration(settings, [tool, _config(settings)], arguments)
                for _ in range(settings.repeats)
            ]
        )

    yield Case("import", "import mtl_plugins", "mmseg alone", "s", imports, Goal("at most", 1.25))
    yield Case(
        "first iteration", "python tools/train.py configs/mtl_branched.py, until the first "
        "iteration is logged", "", "s", first_iteration,
    )  # fmt: skip

    def rendering() -> Samples:
        size = settings.choose(cpu=(128, 256), cuda=(128, 256), quick=(32, 64))
        number = iter(range(10**6))
        count = settings.choose(cpu=8, cuda=8, quick=1)

        def render() -> None:
            for _ in range(count):
                render_scene(0, next(number), size)

        taken = [seconds_of(render, settings.place) for _ in range(settings.repeats)]
        return per_second(Samples(taken), count)

    yield Case("StreetScenes", "scenes of 128x256 rendered by one core", "", "images/s", rendering)


def _config(settings: Settings) -> str:
    return os.path.join(settings.root, "configs", "mtl_branched.py")


def _environment(settings: Settings) -> dict[str, str]:
    return dict(os.environ, PYTHONPATH=settings.root)


def _start(settings: Settings, *arguments: str) -> float:
    """Time a process of Python."""
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, cwd=settings.root,
        env=_environment(settings),
    )  # fmt: skip
    return time.perf_counter() - begin


def _in_turns(ours: Callable[[], float], other: Callable[[], float], settings: Settings) -> Samples:
    """Time processes in turns, after a turn of each that fills caches and is not counted."""
    _, *turns = [(ours(), other()) for _ in range(settings.repeats + 1)]
    return Samples([ours for ours, _ in turns], [other for _, other in turns])


def _first_iteration(settings: Settings, command: list[str], options: list[str]) -> float:
    """Time a training until it logs its first iteration, and stop it then."""
    begin = time.perf_counter()
    with subprocess.Popen(
        [
            sys.executable, *command, "--work-dir", settings.folder("runs", "first"),
            "--cfg-options", "default_hooks.logger.interval=1", *options,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=settings.root,
        env=_environment(settings),
    ) as process:  # fmt: skip
        try:
            for line in process.stdout or ():
                if "Epoch(train)" in line:
                    return time.perf_counter() - begin
        finally:
            process.kill()
    raise NotMeasured(f"{' '.join(command)} ended before its first iteration")
