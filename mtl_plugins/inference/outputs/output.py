"""A folder of predictions: pictures, depth, videos, and a list of what they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from ...datasets.formats import encode_depth
from ...errors import ConfigError
from ...targets import DEPTH, NORMALS, SEMSEG
from ...utils import did_you_mean
from ...visualization import Style, default_palette
from ..inputs.source import Problem, Source
from ..predictors.prediction import Prediction
from .pictures import PICTURES, near_far, panes
from .video import SideBySideVideo

LISTING = "predictions.json"
KINDS = ("panel", "overlay", "labels", "depth", "depth_color", "normals", "maps", "video")
"""What can be written. A kind is also the name of its folder."""

OF_IMAGES = ("panel", "overlay", "labels", "depth", "maps")
OF_VIDEOS = ("video",)
"""What is written unless something else is asked for."""

NEEDS = {**{kind: picture.needs for kind, picture in PICTURES.items()}, "depth": DEPTH.kind}
"""The kind of task without which a kind of picture cannot be."""

HELD = (SEMSEG.kind, DEPTH.kind, NORMALS.kind)
"""The kinds of task whose values some kind of picture holds; `maps` has the others."""


@dataclass(frozen=True)
class Report:
    """What was written: `images` predicted (frames included), `too_far` pixels of depth that 16
    bits cannot hold, and the inputs that could not be read."""

    folder: Path
    images: int
    too_far: int
    problems: Sequence[Problem]


class OutputFolder:
    """Write predictions below one folder: `<kind>/<name>.png`, and videos `video/<name>.mp4`.

    `labels` and `depth` are those of a data set in folders: 8-bit class ids, and 16-bit depth that
    `depth_format=dict(scale=depth_scale)` reads. `normals` is read by the default `NormalFormat`.
    `maps` has every other kind of task as it is, in `maps/<kind of task>/<name>.npy`.
    `predictions.json` lists everything, and marks the folder as one that may be written again.

    Args:
        folder: a new or empty folder, or one written by an earlier call.
        metainfo: of the `Predictor`.
        kinds: what is written of everything, see `KINDS`; default: panel, overlay, labels, depth
            and maps of images, and the side-by-side video of videos.
        depth_range: near and far end of the colours of depth; default: from each image alone,
            and from its first frame for a whole video, so that its colours do not flicker.
        depth_log: equal ratios of depth are equally far apart in colour.
        depth_scale: metres a step of the 16-bit depth.

    Raises:
        ConfigError: the folder holds other things, or an option is wrong.
    """

    def __init__(
        self,
        folder: str | Path,
        metainfo: Mapping[str, Any],
        kinds: Collection[str] | None = None,
        depth_range: tuple[float, float] | None = None,
        depth_log: bool = False,
        depth_scale: float = 0.01,
    ) -> None:
        self.folder = Path(folder)
        self.kinds = _checked_kinds(kinds, metainfo)
        if depth_range is not None and not 0 < depth_range[0] < depth_range[1]:
            raise ConfigError(f"depth_range={tuple(depth_range)}; expected 0 < near < far.")
        encode_depth(np.zeros((1, 1)), depth_scale)
        self.depth_scale = depth_scale
        self.metainfo = metainfo
        classes = metainfo["classes"] or [f"class {index}" for index in range(255)]
        self.style = Style(
            classes,
            metainfo["palette"] or default_palette(len(classes)),
            depth_unit=metainfo["depth_unit"],
            depth_range=depth_range,
            depth_log=depth_log,
        )
        self._entries: list[dict[str, Any]] = []
        self._images = self._too_far = 0
        self._source: Source | None = None
        self._source_style = self.style
        self._video: SideBySideVideo | None = None
        _claim(self.folder)
        self._list(complete=False)

    def write(self, prediction: Prediction) -> None:
        """Write all kinds of one prediction; frames of a video must come one after the other."""
        source = prediction.source
        if source is not self._source:
            self._begin(prediction)
        entry, style = self._entries[-1], self._source_style
        kinds: Sequence[str] | None = self.kinds
        if kinds is None:
            kinds = OF_VIDEOS if source.video else self._available(OF_IMAGES)
        for kind in kinds:
            if kind == "video":
                self._write_frame(prediction, style)
                continue
            if kind == "maps":
                self._write_maps(prediction)
                continue
            if kind == "depth":
                values, too_far = encode_depth(prediction.needed(DEPTH.kind), self.depth_scale)
                entry["too_far"] = entry.get("too_far", 0) + too_far
                self._too_far += too_far
            else:
                values = PICTURES[kind].draw(prediction, style)
            _save(values, self._place(prediction, kind, ".png"))
        entry["images"] += 1
        self._images += 1

    def finish(self, problems: Sequence[Problem]) -> Report:
        """Complete the last video and the listing."""
        self._close_video()
        self._list(complete=True, problems=problems)
        return Report(self.folder, self._images, self._too_far, problems)

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close_video()

    def _begin(self, prediction: Prediction) -> None:
        """Open the entry of a source, and fix the colours of its depth where it is a video."""
        self._close_video()
        source = self._source = prediction.source
        self._source_style = self.style
        if source.video and prediction.depth is not None:
            span = near_far(prediction, self.style)
            self._source_style = replace(self.style, depth_range=span)
        height, width = prediction.image.shape[:2]
        self._entries.append(
            dict(name=source.name, source=source.path, size=[height, width], images=0, files={})
        )

    def _write_frame(self, prediction: Prediction, style: Style) -> None:
        if not prediction.source.video:
            return
        if self._video is None:
            path = Path("video", f"{prediction.source.name}.mp4")
            self._video = SideBySideVideo(self.folder / path, prediction.source.rate)
            self._entries[-1]["files"]["video"] = path.as_posix()
        self._video.write(panes(prediction, style))

    def _write_maps(self, prediction: Prediction) -> None:
        for kind in _others(self.metainfo):
            np.save(self._place(prediction, f"maps/{kind}", ".npy"), prediction.needed(kind))

    def _place(self, prediction: Prediction, kind: str, suffix: str) -> Path:
        """Enter a file into the listing, and return its path in a folder that is there."""
        path = Path(kind, f"{prediction.name}{suffix}")
        # Of a video the folder of its frames.
        listed = path.parent if prediction.source.video else path
        self._entries[-1]["files"][kind] = listed.as_posix()
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        return self.folder / path

    def _close_video(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None

    def _available(self, kinds: Sequence[str]) -> list[str]:
        known = {None, *self.metainfo["tasks"].values()}
        wanted = [kind for kind in kinds if NEEDS.get(kind) in known]
        return wanted if _others(self.metainfo) else [kind for kind in wanted if kind != "maps"]

    def _list(self, complete: bool, problems: Sequence[Problem] = ()) -> None:
        content = dict(
            complete=complete,
            tasks=dict(self.metainfo["tasks"]),
            classes=list(self.metainfo["classes"]),
            palette=["#{:02x}{:02x}{:02x}".format(*color) for color in self.metainfo["palette"]],
            depth_unit=self.metainfo["depth_unit"],
            depth_scale=self.depth_scale,
            predictions=self._entries,
            problems=[dict(source=p.source, reason=p.reason) for p in problems],
        )
        # Escaped: names of files need not be valid Unicode.
        (self.folder / LISTING).write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


def _checked_kinds(kinds: Collection[str] | None, metainfo: Mapping[str, Any]) -> list[str] | None:
    if not kinds:
        return None
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ConfigError(f"kinds={unknown}. {did_you_mean(unknown[0], KINDS)}")
    tasks = set(metainfo["tasks"].values())
    for kind in kinds:
        if NEEDS.get(kind) not in (None, *tasks):
            raise ConfigError(
                f"{kind} needs a task of {NEEDS[kind]}; the network predicts {sorted(tasks)}."
            )
    if "maps" in kinds and not _others(metainfo):
        raise ConfigError(
            f"maps needs a task of another kind than {list(HELD)}; the network predicts "
            f"{sorted(tasks)}."
        )
    return [kind for kind in KINDS if kind in kinds]


def _others(metainfo: Mapping[str, Any]) -> list[str]:
    """Return the kinds of task that no kind of picture holds."""
    return [kind for kind in metainfo["tasks"].values() if kind not in HELD]


def _claim(folder: Path) -> None:
    """Make the folder, unless it holds what was not written here: that could be overwritten."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; give a folder for the predictions.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LISTING).is_file():
        raise ConfigError(
            f"{folder} is not empty and holds no {LISTING}, so that predictions could overwrite "
            "something else; give a new folder."
        )
    folder.mkdir(parents=True, exist_ok=True)


def _save(values: np.ndarray, path: Path) -> None:
    Image.fromarray(np.ascontiguousarray(values)).save(path)
