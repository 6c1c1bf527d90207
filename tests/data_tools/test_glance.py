"""Data that teaches nothing is reported before training, as by a check, and sound data is not."""

from __future__ import annotations

import os
import re
import threading

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.config import build_dataset, load_config, pack_config
from mtl_plugins.data_tools import check_data, glance, suspicious
from tests.conftest import ROOT
from tests.datasets.catalog.test_sensor_ranges import CASES

SIZE = (32, 48)
COUNT = 5
PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets")]

IDS = np.tile(np.arange(48, dtype=np.uint8) // 12, (32, 1))
"""Columns of 0, 1, 2, 3."""
METRES = np.tile(np.geomspace(200, 8000, 32).astype(np.uint16)[:, None], (1, 48))
"""Centimetres from 2 to 80 m, as of a road."""
SKY = np.where(np.arange(32)[:, None] < 8, 65530, METRES).astype(np.uint16)
HEIGHT = np.tile(np.linspace(-1, 20, 48, dtype=np.float32), (32, 1))
FACING = np.random.default_rng(0).normal(size=(*SIZE, 3)).astype(np.float32)
FACING[..., 2] = -abs(FACING[..., 2])
FACING /= np.linalg.norm(FACING, axis=-1, keepdims=True)

CLASSES = dict(type="classes", classes=("a", "b", "c", "d"))
TWO = dict(type="classes", classes=("back", "object"))
DISTANCE = dict(type="scalar", distance=True, unit="m", scale=0.01)
HEIGHTS = dict(type="scalar", unit="m")
DIRECTION = dict(type="direction")
FLOW = dict(type="offset")
MASK = np.where(IDS > 1, 255, 0).astype(np.uint8)

SOUND = dict(
    classes=(CLASSES, IDS),
    mapped=(dict(TWO, label_map={0: 0, 255: 1}), MASK),
    binary=(dict(type="binary", label_map={0: 0, 255: 1}), MASK),
    distance=(DISTANCE, METRES),
    sky=(dict(DISTANCE, max_depth=655), SKY),
    two_walls=(DISTANCE, np.where(IDS > 1, 5000, 1500).astype(np.uint16)),
    range=(dict(DISTANCE, range=(0.1, 100)), SKY),
    listed=(dict(DISTANCE, invalid=(0, (65500, 65535))), SKY),
    scalar=(HEIGHTS, HEIGHT),
    ground=(HEIGHTS, HEIGHT.clip(0)),
    saliency=(HEIGHTS, (IDS > 2).astype(np.float32)),
    unknown=(dict(HEIGHTS, invalid=-9999), np.where(IDS > 2, -9999, HEIGHT)),
    direction=(DIRECTION, FACING),
    offset=(FLOW, np.stack([HEIGHT, HEIGHT], -1)),
)
"""Name -> declaration and files of data from which something can be learned."""

DULL = dict(
    mask=(TWO, MASK, r"pixel: object.*perfect. If 255 in the files means 'object', write "
          r"label_map=\{0: 0, 255: 1\}"),
    no_object=(TWO, MASK * 0, r"pixel: object. .* Is the label_map right"),
    class_missing=(CLASSES, IDS.clip(0, 2), r"classes without a single pixel: d\.$"),
    one_class=(dict(TWO, classes=("car",)), MASK, r"has one class, 'car'.*'background', 'car'"),
    no_class=(TWO, MASK * 0 + 255, r"each of 5 files has no pixel with a class \(all are 255\)"),
    binary=(dict(type="binary"), MASK, r"no pixel is 1.*label_map=\{0: 0, 255: 1\}"),
    binary_ones=(dict(type="binary"), MASK * 0 + 1, r"no pixel is 0. All others are '1'"),
    sky=(DISTANCE, SKY, r"25% of the measured pixels are at 655.3, the farthest"),
    clipped=(dict(DISTANCE, range=(0.1, 60)), METRES.clip(0, 6000), r"at 60, the farthest"),
    near=(DISTANCE, np.where(SKY == 65530, 3, METRES), r"at 0.03.*, the nearest.*min_depth"),
    unmeasured=(DISTANCE, METRES * 0, r"each of 5 files has no measured pixel"),
    beyond=(dict(DISTANCE, range=(0.1, 1)), METRES, r"each of 5 files has no measured pixel"),
    constant=(DISTANCE, METRES * 0 + 700, r"every value is 7;"),
    millimetres=(dict(DISTANCE, scale=1), METRES * 10.0, r"half of the values"),
    none=(HEIGHTS, np.where(IDS > 2, -9999, HEIGHT), r"25% of the values are -9999, the smallest"),
    top=(HEIGHTS, np.where(IDS > 2, 1e9, HEIGHT), r"25% of the values are 1e\+09, the largest"),
    end=(dict(HEIGHTS, range=(-5, 15)), HEIGHT.clip(-5, 15), r"are 15, the largest"),
    flat=(HEIGHTS, HEIGHT * 0, r"every value is 0;"),
    nothing=(HEIGHTS, HEIGHT * np.nan, r"each of 5 files has no valid pixel"),
    unsigned=(DIRECTION, FACING / 2 + 0.5, r"no component is ever negative.*scale=2, offset=-1"),
    black=(DIRECTION, FACING * 0, r"each of 5 files has no pixel with a normal"),
    still=(FLOW, np.zeros((*SIZE, 2)), r"every value is 0;"),
    unmatched=(FLOW, np.where(IDS[..., None] > 2, 1e9, FACING[..., :2]), r"1e\+09, the largest"),
)  # fmt: skip
"""Name -> declaration and files of data that is suspicious, and what is said of it."""


def written(root, declaration, array, pictures=None):
    """Write equal targets and different pictures; return the data set's config."""
    random = np.random.default_rng(0)
    suffix = ".png" if array.dtype in (np.uint8, np.uint16) else ".npy"
    for folder in ("rgb", "truth"):
        os.makedirs(root / folder)
    for index in range(COUNT):
        picture = random.integers(0, 256, (*SIZE, 3), np.uint8) if pictures is None else pictures
        Image.fromarray(picture).save(root / f"rgb/{index}.png")
        path = root / f"truth/{index}{suffix}"
        if suffix == ".png":
            Image.fromarray(array).save(path)
        else:
            np.save(path, array.astype(np.float32))
    target = dict(declaration, folder="truth", suffix=suffix)
    return dict(
        type="MultiTaskDataset", data_root=str(root), data_prefix=dict(img_path="rgb"),
        img_suffix=".png", targets=dict(thing=target), pipeline=PIPELINE,
    )  # fmt: skip


def seen(dataset, **options):
    return suspicious(glance(dataset, **options), len(dataset))


@pytest.mark.parametrize("name", SOUND)
def test_sound_data_is_not_suspicious(tmp_path, name):
    node = written(tmp_path, *SOUND[name])
    assert seen(DATASETS.build(node)) == []
    assert check_data(Config(dict(train_dataloader=dict(dataset=node)))).warnings == []


@pytest.mark.parametrize("name", DULL)
def test_training_and_the_check_say_the_same_once(tmp_path, name):
    declaration, array, expected = DULL[name]
    node = written(tmp_path, declaration, array)
    config = Config(dict(train_dataloader=dict(dataset=node)), filename=None)
    texts = seen(DATASETS.build(node))
    (warning,) = check_data(config).warnings
    assert texts == [warning.text] and "thing" in texts[0]
    assert re.search(expected, texts[0]), texts
    # Packed data has the values of its files.
    pack_config(config, str(tmp_path / "packed"))
    root = str(tmp_path / "packed/train")
    assert seen(DATASETS.build(dict(type="PackedDataset", data_root=root, pipeline=[]))) == texts


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (np.zeros((*SIZE, 3), np.uint8), "5 of 5 images are of one colour, such as "),
        (np.arange(SIZE[0] * SIZE[1] * 3, dtype=np.uint8).reshape(*SIZE, 3) // 16 * 16,
         "5 of 5 images have few different values, such as "),
        (np.tile(np.linspace(0, 4095, SIZE[1]).astype(np.uint16), (SIZE[0], 1)),
         r"5 of 5 images have few different values, .* image_range=\(0, 4095\) for 12 bits"),
    ],
    ids=["black", "coarse", "12 bits"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:16-bit images have values below")
def test_pictures_that_show_nothing(tmp_path, picture, expected):
    node = written(tmp_path, *SOUND["classes"], picture)
    (text,) = seen(DATASETS.build(node))
    assert re.match(expected, text), text
    warnings = check_data(Config(dict(train_dataloader=dict(dataset=node)))).warnings
    # They repeat as well, which a glance at some samples does not tell.
    assert warnings[0].text == text and len(warnings) <= 1 + COUNT


def test_single_files_are_listed_and_many_counted(tmp_path):
    node = written(tmp_path, *SOUND["distance"])
    for index in range(2):
        Image.fromarray(METRES * 0).save(tmp_path / f"truth/{index}.png")
    assert seen(DATASETS.build(node)) == []
    files = [w.file for w in check_data(Config(dict(train_dataloader=dict(dataset=node)))).warnings]
    assert files == [str(tmp_path / f"truth/{index}.png") for index in range(2)]
    Image.fromarray(METRES * 0).save(tmp_path / "truth/2.png")
    (text,) = seen(DATASETS.build(node))
    assert text.startswith("3 of 5 files of thing: each has no measured pixel (all are 0), such as")


def test_a_sky_that_the_pipeline_sets_is_known(tmp_path):
    node = written(tmp_path, *DULL["sky"][:2])
    sky = dict(type="FillSkyDepth", depth=300.0)
    node["targets"] = dict(
        depth={k: v for k, v in node["targets"].pop("thing").items() if k in ("folder", "scale")},
        semseg=dict(folder="truth", classes=("sky", "road"), label_map={int(v): 0 for v in
                    np.unique(SKY)[::2]} | {int(v): 1 for v in np.unique(SKY)[1::2]}),
    )  # fmt: skip
    node["pipeline"] = [*PIPELINE, sky]
    assert seen(DATASETS.build(node)) == []
    assert check_data(Config(dict(train_dataloader=dict(dataset=node)))).warnings == []


def test_joined_sets_are_looked_at_together(tmp_path):
    """A class that only one part has is not missing; targets that a part lacks are not empty."""
    first = written(tmp_path / "one", CLASSES, IDS.clip(0, 2))
    second = written(tmp_path / "two", CLASSES, IDS.clip(2, 3))
    third = written(tmp_path / "three", DISTANCE, METRES)
    third["targets"] = dict(far=third["targets"]["thing"])
    joined = dict(type="ConcatDataset", datasets=[first, second, third])
    repeated = dict(type="RepeatDataset", times=2, dataset=joined)
    for node in (joined, repeated):
        assert seen(DATASETS.build(node)) == []
    (text,) = seen(DATASETS.build(dict(joined, datasets=[first, third])))
    assert text == "thing: classes without a single pixel: d."


def test_rare_classes_are_looked_for_in_more_labels(tmp_path):
    node = written(tmp_path, CLASSES, IDS.clip(0, 2))
    Image.fromarray(IDS).save(tmp_path / "truth/4.png")
    dataset = DATASETS.build(node)
    assert seen(dataset, samples=2) == []
    # Of five, 1 and 3 are read first, and then 0 and 2 of the three that are 0, 2 and 4.
    Image.fromarray(IDS.clip(0, 2)).save(tmp_path / "truth/4.png")
    found = glance(dataset, samples=2, labels=3)
    assert found.samples == 2 and found.tallies["thing"].maps == 5
    found = glance(dataset, samples=2, labels=2)
    assert found.tallies["thing"].maps == 2
    assert suspicious(found, 5) == [
        "thing: classes without a single pixel: d. (Read: 2 of 5 samples.)"
    ]


def test_damaged_files_and_other_data_sets_are_left_to_others(tmp_path):
    node = written(tmp_path, *SOUND["classes"])
    (tmp_path / "truth/0.png").write_bytes(b"")
    assert seen(DATASETS.build(node)) == []
    assert seen([dict(inputs=1)] * 3) == []


@pytest.mark.parametrize("name", ["mtl_branched", "mtl_normals", "mtl_label_sets"])
def test_shipped_scenes_are_not_suspicious(scene_options, name):
    config = load_config(os.path.join(ROOT, "configs", f"{name}.py"), scene_options)
    texts = seen(build_dataset(config, "train"))
    # The tests' six scenes lack some classes.
    assert all(": classes without a single pixel" in text for text in texts)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][0]])
def test_every_known_data_set_is_read(tmp_path, name):
    CASES[name][0](str(tmp_path))
    dataset = DATASETS.build(dict(type=name, data_root=str(tmp_path), pipeline=PIPELINE))
    found = glance(dataset)
    assert found.samples == len(dataset) and found.bad_samples == 0
    assert {tally.maps for tally in found.tallies.values()} == {len(dataset)}


@pytest.mark.skipif("POTHOLES_ROOT" not in os.environ, reason="POTHOLES_ROOT is not set")
def test_the_potholes_are_not_suspicious():
    path = os.path.join(ROOT, "configs", "potholes", "branched_resnet18.py")
    assert seen(build_dataset(load_config(path), "train")) == []


def test_no_thread_is_left_that_a_forked_worker_could_wait_for(tmp_path, monkeypatch):
    """OpenCV takes a lock when a thread that used it ends: a fork just then copies it locked."""
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("a thread starts"))
    seen(DATASETS.build(written(tmp_path, *SOUND["classes"])))
