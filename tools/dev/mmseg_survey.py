"""Train and predict with the networks of mmseg's own configs, by the recipe of the tutorial.

The recipe is that of docs/tutorials/from_mmseg.md: backbone, neck and decode head become a
`MultiTaskSegmentor` for classes and depth. Each network runs in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import mmseg
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mtl_plugins import build
from mtl_plugins.config import load_config
from mtl_plugins.errors import MTLError
from mtl_plugins.utils import TextTable, parse_json, track, wide_console, write_text

CONFIGS = Path(mmseg.__file__).parent / ".mim" / "configs"

SMALL = ("r18", "hr18s", "tiny", "-t_", "_t_", "b0", "s12", "slim", "-s_", "small", "r50", "base")
"""Parts of the names of small networks, the smallest first."""

SIDE = 128
"""Side in pixels of the training images; encoders that are built for a size are built for it."""

ODD_SIZE = (100, 140)
"""Height and width in pixels of the predicted image."""

OUTCOMES = ("works", "refused", "needs a package", "fails")

LACKS = ("Python does not find", "not installed", "are installed", "no compiled ops")
"""Parts of the messages about packages that are not installed."""

SECONDS = 600
"""Time after which a network has failed."""


@dataclass(frozen=True)
class Outcome:
    """What became of a network.

    Args:
        family: folder of its config.
        network: its backbone, neck and decode heads.
        config: name of the config.
        outcome: one of `OUTCOMES`.
        reason: the message, where it does not work.
        seconds: time of building, one training step and one prediction.
    """

    family: str
    network: str
    config: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0


RECIPE = """
_base_ = {path!r}
runner = None
model = dict(
    _delete_=True,
    type="MultiTaskSegmentor",
    backbone={{{{_base_.model.{encoder}}}}},{neck}
    decode_head=dict(
        type="JointHead",
        decoder=dict(type="MMSegDecoder", head={{{{_base_.model.decode_head}}}}),
        task_heads=dict(
            semseg=dict(type="SegmentationHead", num_classes={classes}),
            depth=dict(type="DepthHead"),
        ),
    ),
)
"""
"""The model of the tutorial's config; two configs have kept the `runner` of mmseg 0.x."""

CLASSES = 5


def networks(families: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Return the configs of each network of the families, `{"<family>: <parts>": paths}`.

    Args:
        families: folders of mmseg's configs; empty: all.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(CONFIGS.glob("*/*.py")):
        family = path.parent.name
        if family != "_base_" and (not families or family in families):
            found.setdefault(f"{family}: {_parts(path)}", []).append(path)
    return {name: sorted(paths, key=_rank) for name, paths in found.items()}


def _parts(path: Path) -> str:
    model = _model(path)
    heads = model.decode_head if isinstance(model.decode_head, list) else [model.decode_head]
    backbone = model.get("backbone") or model.image_encoder
    parts = [backbone, *([model.neck] if model.get("neck") else []), *heads]
    return " + ".join(part.type for part in parts)


def _model(path: Path) -> Any:
    # Modules of packages that are not installed are not needed to read a config.
    return Config.fromfile(path, import_custom_modules=False).model


def _rank(path: Path) -> tuple[int, str]:
    order = (place for place, part in enumerate(SMALL) if part in path.name)
    return next(order, len(SMALL)), path.name


def survey(file: str, families: Sequence[str] = ()) -> list[Outcome]:
    """Try the smallest network of every kind; go on where an interrupted survey ended.

    Args:
        file: JSON file of the outcomes, written after each network.
        families: as in `networks`.
    """
    known: dict[str, dict] = {}
    if os.path.exists(file):
        with open(file, encoding="utf-8") as stream:
            known = parse_json(stream.read())
    chosen = networks(families)
    missing = [name for name in chosen if name not in known]
    for name in track(missing, "trying networks", len(missing)):
        known[name] = asdict(_tried(name, chosen[name][0]))
        write_text(file, json.dumps(known, indent=1) + "\n")
    return [Outcome(**known[name]) for name in chosen]


def _tried(name: str, path: Path) -> Outcome:
    """Try a network in a process of its own, which may crash or take too much memory."""
    family, _, parts = name.partition(": ")
    start = time.perf_counter()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_try, args=(path, theirs))
    process.start()
    theirs.close()
    try:
        outcome, reason = ours.recv() if ours.poll(SECONDS) else ("fails", "took too long")
    except EOFError:
        outcome, reason = "fails", "the process died"
    process.kill()
    process.join()
    return Outcome(family, parts, path.name, outcome, reason, time.perf_counter() - start)


def _try(path: Path, answer: Connection) -> None:
    try:
        run_once(recipe(path))
        answer.send(("works", ""))
    except MTLError as error:
        text = str(error)
        lacks = any(
            part in text for part in ("not find", "not installed", "are installed", "compiled ops")
        )
        answer.send((OUTCOMES[2] if lacks else "refused", text))
    except Exception as error:
        answer.send(("fails", f"{type(error).__name__}: {error}"))


def recipe(path: Path) -> dict[str, Any]:
    """Return the multi-task model of a config of mmseg, as a config that is based on it has it.

    Raises:
        ConfigError: the config is refused.
    """
    theirs = _model(path)
    text = RECIPE.format(
        path=str(path),
        classes=CLASSES,
        encoder="backbone" if theirs.get("backbone") else "image_encoder",
        neck="\n    neck={{_base_.model.neck}}," if theirs.get("neck") else "",
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "multi_task.py"
        file.write_text(text)
        model = load_config(file).model.to_dict()
    if "img_size" in model["backbone"]:
        model["backbone"]["img_size"] = (SIDE, SIDE)
    return model


def run_once(model: Mapping[str, Any]) -> None:
    """Train a network for one step and predict one image; check what comes out.

    Raises:
        MTLError: the network is refused.
        AssertionError: a loss or gradient is not finite, or a prediction has another size.
    """
    torch.manual_seed(0)
    network = build(dict(model=dict(model)), pretrained=False).train()
    samples = [_sample(SIDE, SIDE) for _ in range(2)]
    total, _ = network.parse_losses(network.loss(torch.randn(2, 3, SIDE, SIDE), samples))
    total.backward()
    missing = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing, f"no gradient for {missing[:3]}"
    grads = [each.grad for each in network.parameters() if each.grad is not None]
    assert torch.isfinite(total) and all(torch.isfinite(each).all() for each in grads)
    with torch.no_grad():
        (predicted,) = network.eval().predict(torch.randn(1, 3, *ODD_SIZE))
    for data in (predicted.pred_sem_seg.data, predicted.pred_depth_map.data):
        assert tuple(data.shape) == (1, *ODD_SIZE) and torch.isfinite(data).all()


def _sample(height: int, width: int) -> SegDataSample:
    sample = SegDataSample(metainfo=dict(img_shape=(height, width), ori_shape=(height, width)))
    sample.gt_sem_seg = PixelData(data=torch.randint(0, CLASSES, (1, height, width)))
    sample.gt_depth_map = PixelData(data=torch.rand(1, height, width) * 50 + 1)
    return sample


def report(outcomes: Sequence[Outcome], markdown_file: str | None = None) -> None:
    """Print a row for each network and the counts; write the table as Markdown if asked to."""
    rows = [
        [each.family, each.network, each.outcome, f"{each.seconds:.0f}", each.reason[:200]]
        for each in outcomes
    ]
    columns = ["family", "network", "outcome", "seconds", "reason"]
    table = TextTable(columns, rows, ("family", "network", "outcome", "reason"))
    console = wide_console()
    console.print(table)
    for line in counts(outcomes):
        console.print(line, highlight=False)
    if markdown_file:
        write_text(markdown_file, table.markdown() + "\n")


def counts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the counts of networks and families; a family is what the best of its networks is."""
    best: dict[str, str] = {}
    for each in outcomes:
        others = (best.get(each.family, OUTCOMES[-1]), each.outcome)
        best[each.family] = min(others, key=OUTCOMES.index)
    for what, found in (
        ("networks", [each.outcome for each in outcomes]),
        ("families", best.values()),
    ):
        number = Counter(found)
        parts = ", ".join(f"{number[outcome]} {outcome}" for outcome in OUTCOMES)
        yield f"{len(list(found))} {what}: {parts}"
