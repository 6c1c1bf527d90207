"""A folder of predictions: pictures, depth, videos, and a list of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..datasets import DepthFormat
from ..errors import ConfigError
from ..models.segmentors import EXTRAS
from ..targets import NO_DEPTH, PREDEFINED, Target
from ..utils import did_you_mean, parse_json
from ..visualization import Style
from .descriptions import metainfo_of, targets_of, to_plain
from .inputs import Problem, Source
from .kinds import KINDS
from .pictures import DRAW, SideBySideVideo, color_ranges, draw_predictions, panes
from .predictor import Prediction

LISTING = "predictions.json"
"""The name of the list of all files, which also marks a folder as one of predictions."""


@dataclass(frozen=True)
class Report:
    """Summarise what was written.

    Args:
        folder: of the files.
        images: number of predictions, frames of videos included.
        too_far: number of pixels whose distance 16 bits cannot hold.
        problems: inputs that could not be read.
    """

    folder: Path
    images: int
    too_far: int
    problems: Sequence[Problem]


class OutputFolder:
    """Write predictions below one folder: `<kind>/<name>.png`, and videos `video/<name>.mp4`.

    A target that is not predefined has `<kind>-<target>/<name>.png` instead, such as
    `labels-lanes`. A data set in folders reads `labels` (class ids), `depth` (16 bits, with
    `scale=depth_scale`) and `normals` (with the default format). `maps/<target>/<name>.npy` holds
    plain values. `predictions.json` describes the targets and lists all files; those of an earlier
    call too, unless it was of other targets or another `depth_scale`.

    Args:
        folder: a new or empty folder, or one that an earlier call has written.
        metainfo: of the `Predictor`.
        kinds: which of `KINDS` to write; default: panel, overlay, labels, depth and maps of images,
            and the side-by-side video of videos.
        depth_range: distances of the first and last colour, in metres; default: the target's range,
            else those of each image. A video has those of its first frame, so that its colours do
            not flicker.
        depth_log: whether equal ratios of a distance are equally far apart in colour.
        depth_scale: metres per step of the 16-bit distances.

    Attributes:
        earlier: source of each prediction that the folder holds already, by its name.

    Raises:
        ConfigError: the folder holds other things, or an option is wrong.
    """

    def __init__(
        self,
        folder: str | Path,
        metainfo: Mapping[str, Any],
        kinds: Collection[str] | None = None,
        depth_range: tuple[float, float] | None = None,
        depth_log: bool = True,
        depth_scale: float = 0.01,
    ) -> None:
        self.folder = Path(folder)
        self.targets = targets_of(metainfo)
        self.kinds = _checked_kinds(kinds, self.targets)
        predicted = {name.rpartition("_")[2] for name in metainfo.get("extras", ())}
        if lacking := [kind for kind in self.kinds if kind in EXTRAS and kind not in predicted]:
            raise ConfigError(
                f"kinds={lacking}: the predictor was built without. Give "
                f"MultiTaskInferencer(..., extras={lacking})."
            )
        if depth_range is not None:
            pair = tuple(depth_range) if isinstance(depth_range, Collection) else ()
            if len(pair) != 2 or not 0 < pair[0] < pair[1] < np.inf:
                raise ConfigError(f"depth_range={depth_range}; expected 0 < near < far.")
        encode_depth(np.zeros((1, 1)), depth_scale)  # fails early where the scale is wrong
        self.depth_scale = depth_scale
        distances = [target.name for target in self.targets.values() if target.distance]
        ranges = dict.fromkeys(distances, depth_range) if depth_range else {}
        self.style = Style(depth_log=depth_log, ranges=ranges)
        self._entries: list[dict[str, Any]] = []
        self._source: Source | None = None
        self._source_style = self.style
        self._video: SideBySideVideo | None = None
        _claim(self.folder)
        self._earlier = self._read_earlier()
        self.earlier = {entry["name"]: entry["source"] for entry in self._earlier["predictions"]}
        self._list(complete=False)

    def write(self, prediction: Prediction) -> None:
        """Write all kinds of one prediction; the frames of a video must come in one run."""
        if prediction.source is not self._source:
            self._begin(prediction)
        for kind in self.kinds or self._default_kinds(prediction.source):
            if kind == "video":
                self._write_frame(prediction)
            elif kind == "panel":
                picture = draw_predictions(prediction, self._source_style)
                self._write_picture(prediction, kind, picture)
            else:
                for task in shown(kind, self.targets, chosen=bool(self.kinds)):
                    self._write_task(prediction, kind, task)
        self._entries[-1]["images"] += 1

    def _write_task(self, prediction: Prediction, kind: str, task: str) -> None:
        folder = folder_of(kind, self.targets[task])
        values = prediction[f"{task}_{kind}" if kind in EXTRAS else task]
        if kind in ("maps", "probability"):
            np.save(self._place(prediction, folder, ".npy"), values)
            return
        if kind == "depth":
            picture, too_far = encode_depth(values, self.depth_scale)
            entry = self._entries[-1]
            entry["too_far"] = entry.get("too_far", 0) + too_far
        elif kind == "confidence":
            picture = np.rint(255 * values).astype(np.uint8)
        else:
            picture = DRAW[kind](prediction, task, self._source_style)
        self._write_picture(prediction, folder, picture)

    def _write_picture(self, prediction: Prediction, folder: str, picture: np.ndarray) -> None:
        place = self._place(prediction, folder, ".png")
        Image.fromarray(np.ascontiguousarray(picture)).save(place)

    def finish(self, problems: Sequence[Problem]) -> Report:
        """Complete the last video and the listing."""
        self._close_video()
        self._list(complete=True, problems=problems)
        images = sum(entry["images"] for entry in self._entries)
        too_far = sum(entry.get("too_far", 0) for entry in self._entries)
        return Report(self.folder, images, too_far, problems)

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close_video()

    def _begin(self, prediction: Prediction) -> None:
        """Add a source to the list, and fix a video's colours by its first frame."""
        self._close_video()
        source = self._source = prediction.source
        self._source_style = self.style
        if source.video:
            ranges = color_ranges(prediction, self.style)
            self._source_style = replace(self.style, ranges=ranges)
        height, width = prediction.image.shape[:2]
        self._entries.append(
            dict(name=source.name, source=source.path, size=[height, width], images=0, files={})
        )

    def _write_frame(self, prediction: Prediction) -> None:
        if not prediction.source.video:
            return
        if self._video is None:
            path = Path("video", f"{prediction.source.name}.mp4")
            self._video = SideBySideVideo(self.folder / path, prediction.source.rate)
            self._entries[-1]["files"]["video"] = path.as_posix()
        self._video.write(panes(prediction, self._source_style))

    def _place(self, prediction: Prediction, folder: str, suffix: str) -> Path:
        """Return the path of a new file, make its folder and enter it into the list."""
        path = Path(folder, f"{prediction.name}{suffix}")
        # A video is listed with the folder of its frames.
        listed = path.parent if prediction.source.video else path
        self._entries[-1]["files"][folder] = listed.as_posix()
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        return self.folder / path

    def _close_video(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None

    def _default_kinds(self, source: Source) -> list[str]:
        """Return the kinds that are written of a source unless kinds are chosen."""
        inputs = "videos" if source.video else "images"
        names = [name for name, kind in KINDS.items() if kind.default_of == inputs]
        return [name for name in names if _possible(name, self.targets, chosen=False)]

    def _read_earlier(self) -> dict[str, Any]:
        """Return the list that the folder has already; without predictions if it is damaged."""
        try:
            found = parse_json((self.folder / LISTING).read_text(encoding="ascii"))
            wanted = {"name": str, "source": str, "images": int, "files": dict}
            whole = all(
                isinstance(entry[key], kind)
                for entry in found["predictions"]
                for key, kind in wanted.items()
            )
            return found if whole else dict(predictions=[])
        except (OSError, ValueError, LookupError, TypeError):
            return dict(predictions=[])

    def _description(self) -> dict[str, Any]:
        """Return what the list says about all predictions, as JSON types."""
        known = metainfo_of(self.targets)
        described = dict(
            targets=to_plain(self.targets),
            tasks=known["tasks"],
            classes=list(known["classes"]),
            palette=["#{:02x}{:02x}{:02x}".format(*color) for color in known["palette"]],
            depth_unit=known["depth_unit"],
            depth_scale=self.depth_scale,
        )
        return json.loads(json.dumps(described))

    def _list(self, complete: bool, problems: Sequence[Problem] = ()) -> None:
        described, names = self._description(), {entry["name"] for entry in self._entries}
        same = all(self._earlier.get(key) == value for key, value in described.items())
        kept = [e for e in self._earlier["predictions"] if same and e["name"] not in names]
        content = dict(
            complete=complete,
            **described,
            predictions=kept + self._entries,
            problems=[dict(source=p.source, reason=p.reason) for p in problems],
        )
        # ASCII with escapes, because file names need not be valid Unicode.
        (self.folder / LISTING).write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


def folder_of(kind: str, target: Target) -> str:
    """Return the folder of a kind of output of a target.

    >>> folder_of("labels", PREDEFINED["semseg"]), folder_of("labels", Target("edges", "binary"))
    ('labels', 'labels-edges')
    """
    if kind == "maps":
        return f"{kind}/{target.name}"
    # Names are identifiers, so no folder of another kind has a "-".
    return kind if target.name in PREDEFINED else f"{kind}-{target.name}"


def shown(kind: str, targets: Mapping[str, Target], chosen: bool) -> list[str]:
    """Return the tasks of which a kind of output has a file, chosen or by default."""
    output = KINDS[kind]
    forms = output.shows if chosen or output.defaults is None else output.defaults
    return [task for task, target in targets.items() if target.form in forms]


def _possible(kind: str, targets: Mapping[str, Target], chosen: bool) -> bool:
    """Return whether the network predicts what a kind of output shows."""
    return not KINDS[kind].shows or bool(shown(kind, targets, chosen))


def _checked_kinds(kinds: Collection[str] | None, targets: Mapping[str, Target]) -> list[str]:
    """Return the chosen kinds in the order of `KINDS`."""
    kinds = [kinds] if isinstance(kinds, str) else kinds
    unknown = sorted(set(kinds or ()) - set(KINDS))
    if unknown:
        raise ConfigError(f"kinds={unknown}. {did_you_mean(unknown[0], KINDS)}")
    for name in kinds or ():
        if not _possible(name, targets, chosen=True):
            forms = {target.name: target.form for target in targets.values()}
            raise ConfigError(
                f"{name} needs a target of the type {' or '.join(KINDS[name].shows)}; the network "
                f"predicts {forms}."
            )
    return [name for name in KINDS if name in (kinds or ())]


def encode_depth(depth: np.ndarray, scale: float = 0.01) -> tuple[np.ndarray, int]:
    """Return depth in 16-bit steps of `scale`, and the number of pixels too far for 16 bits.

    `DepthFormat(scale=scale)` reads the values back to within half a step. Pixels without depth
    (0, nan) become 0, all others at least 1; farther than 65535 steps, or infinite, becomes 65535.

    Args:
        depth: H,W in metres, or in the data set's unit.
        scale: metres per step: 0.01 is centimetres up to 655.35 m, 1 / 256 KITTI's up to 256 m.

    Raises:
        ConfigError: the scale is not above 0.

    >>> values, too_far = encode_depth(np.array([[0.0, 0.001, 12.344, 700.0]]))
    >>> values.tolist(), too_far
    ([[0, 1, 1234, 65535]], 1)
    """
    if not 0 < scale < np.inf:
        raise ConfigError(f"depth_scale={scale}; expected metres a step, above 0.")
    measured = depth > NO_DEPTH
    steps = np.rint(np.where(measured, depth, 0) / scale)
    values = DepthFormat().encode(steps) * measured
    return values, int((steps > np.iinfo(np.uint16).max).sum())


def _claim(folder: Path) -> None:
    """Make the folder, unless it holds files of others, which could be overwritten."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; give a folder for the predictions.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LISTING).is_file():
        raise ConfigError(
            f"{folder} is not empty and holds no {LISTING}, so that predictions could overwrite "
            "something else; give a new folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
