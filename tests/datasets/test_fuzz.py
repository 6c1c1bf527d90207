"""Thousands of damaged files give an error that names the file, or their original content.

Formats with checksums (PNG, packed JSON) must give nothing else. Formats without (JPEG, NPY,
cameras, the bytes of a shard between two calls of `verify`) must at least give a target: shape,
type and range of `targets.py`. FUZZ_ROUNDS=20 damages 20 times as many files.
"""

import io
import json
import os
import resource

import numpy as np
import OpenEXR
import pytest
from mmseg.registry import DATASETS
from PIL import Image
from scipy.io import savemat

from mtl_plugins.datasets import (
    CityscapesDepthFormat,
    DepthFormat,
    LabelFormat,
    NormalFormat,
    PascalContextMultiTask,
    image_breach,
    pack_dataset,
    target_breach,
)
from mtl_plugins.datasets.files import read_image, read_map, read_mat
from mtl_plugins.errors import DataError
from mtl_plugins.targets import DEPTH, NORMALS, PREDEFINED, Target
from tests.datasets.files.test_image_io import header
from tests.datasets.layouts import CAMERA, write_pascal
from tests.datasets.mutations import no_hang, outcomes  # noqa: F401
from tests.datasets.sources import load_targets

SEMSEG = Target("semseg", "classes", classes=("a", "b", "c"))
CLASSES = SEMSEG.num_classes
SIZE = (6, 9)
RANDOM = np.random.default_rng(0)
LABELS = np.where(RANDOM.random(SIZE) < 0.1, 255, RANDOM.integers(0, CLASSES, SIZE)).astype("u1")
DEPTHS = RANDOM.integers(0, 1 << 16, SIZE).astype(np.uint16)
COLOURS = RANDOM.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
FORMATS = {
    SEMSEG.name: LabelFormat(CLASSES),
    DEPTH.name: DepthFormat(scale=0.01),
    NORMALS.name: NormalFormat(),
}
LOAD = load_targets(FORMATS)


@pytest.fixture
def little_memory():
    """Let the process allocate no more than a gigabyte: PIL's largest image needs half of it."""
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def png(array, mode=None):
    image = Image.fromarray(array)
    if mode == "P":
        image = Image.fromarray(array, mode="P")
        image.putpalette([5, 6, 7] * 256)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def load(target, path):
    """Load and decode a target's file as a pipeline does."""
    results = {target.path: path, "img_path": "image.png", "ori_shape": SIZE, "targets": [target]}
    return LOAD(results)[target.array]


PNGS = [
    ("labels", SEMSEG, png(LABELS)),
    ("palette", SEMSEG, png(LABELS, "P")),
    ("depth", DEPTH, png(DEPTHS)),
    ("normals", NORMALS, png(COLOURS)),
]


@pytest.mark.parametrize(("name", "target", "data"), PNGS, ids=[case[0] for case in PNGS])
def test_a_damaged_png_is_an_error_or_what_it_was(tmp_path, name, target, data):
    path = tmp_path / f"{name}.png"
    path.write_bytes(data)
    original = load(target, str(path))
    found = [*outcomes(data, path, lambda file: load(target, file))]
    read = [array for array in found if array is not None]
    assert all(np.array_equal(array, original) for array in read)
    # Some mutations only change bytes behind the end of the PNG, or its last checksum.
    assert 0 <= len(read) < len(found) / 20


@pytest.mark.parametrize(("name", "target", "data"), PNGS, ids=[case[0] for case in PNGS])
def test_a_changed_png_header_with_a_valid_checksum_gives_no_other_target(
    tmp_path, name, target, data, little_memory
):
    path = tmp_path / f"{name}.png"
    path.write_bytes(data)
    original = load(target, str(path))
    sides = (0, 1, 5, 12, 255, 3_000, 65_535, (1 << 31) - 1)
    edits = [dict(width=w, height=h) for w in sides for h in (*sides, SIZE[0])]
    edits += [dict(width=SIZE[1], height=h) for h in sides]
    edits += [dict(bits=b, colour=c, interlace=i) for b in (0, 1, 2, 3, 4, 8, 16, 32)
              for c in range(8) for i in (0, 1)]  # fmt: skip
    edits += [dict(compression=1), dict(filter=1)]
    for edit in edits:
        path.write_bytes(header(data, **edit))
        try:
            array = load(target, str(path))
        except DataError as error:
            assert str(path) in str(error)
        else:
            assert np.array_equal(array, original), edit


def test_a_damaged_jpeg_is_an_error_or_a_picture(tmp_path):
    """JPEG has no checksums."""
    file = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (24, 40, 3)).astype(np.uint8)).save(file, "JPEG")
    found = [*outcomes(file.getvalue(), tmp_path / "a.jpg", read_image, rounds=500)]
    pictures = [image for image in found if image is not None]
    assert {image_breach(image) for image in pictures} == {None}
    assert len(found) / 4 < len(pictures) < len(found) * 3 / 4


def bytes_of(array, kind, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


OTHERS = [
    ("a.tif", dict(compression="tiff_lzw")),
    ("a.bmp", {}),
    ("a.gif", {}),
    ("a.webp", dict(lossless=True)),
    ("a.jp2", {}),
    ("a.ppm", {}),
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(("name", "options"), OTHERS, ids=[case[0] for case in OTHERS])
def test_damaged_files_of_other_formats_are_errors_or_pictures_and_targets(tmp_path, name, options):
    """None of them has checksums of its pixels."""
    kind = dict(tif="TIFF", jp2="JPEG2000").get(name[2:], name[2:])
    path = tmp_path / name
    for image in outcomes(bytes_of(COLOURS, kind, **options), path, read_image, rounds=80):
        assert image is None or image_breach(image) is None
    if name != "a.webp":
        data = bytes_of(LABELS, kind, **options)
        for labels in outcomes(data, path, lambda file: load(SEMSEG, file), rounds=80):
            assert labels is None or target_breach(SEMSEG, labels) is None


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize("compression", ["ZIP", "PIZ", "NO"])
def test_a_damaged_exr_is_an_error_or_a_target(tmp_path, compression, capfd):
    path = tmp_path / "a.exr"
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION")}
    OpenEXR.File(header, {"Z": (DEPTHS % 100 + 1).astype(np.float32)}).write(str(path))
    original = load(DEPTH, str(path))
    found = [*outcomes(path.read_bytes(), path, lambda file: load(DEPTH, file), rounds=250)]
    read = [depth for depth in found if depth is not None]
    assert len(read) < len(found) / 2
    assert all(target_breach(DEPTH, depth) is None for depth in read)
    if compression == "ZIP":
        assert all(np.array_equal(depth, original) for depth in read)


NPYS = [
    ("labels", SEMSEG, LABELS.astype(np.int64)),
    ("float_labels", SEMSEG, LABELS.astype(np.float32)),
    ("depth", DEPTH, DEPTHS.astype(np.float32)),
    ("normals", NORMALS, COLOURS.astype(np.float64)),
]


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
@pytest.mark.parametrize(("name", "target", "array"), NPYS, ids=[case[0] for case in NPYS])
def test_a_damaged_npy_is_an_error_or_a_target(tmp_path, name, target, array):
    with np.errstate(all="ignore"):
        for read in outcomes(npy(array), tmp_path / f"{name}.npy", lambda file: load(target, file)):
            if read is not None:
                assert read.shape[:2] == SIZE
                assert target_breach(target, read) is None


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_a_damaged_npz_is_an_error_or_its_array(tmp_path):
    """Its contents have a checksum."""
    file = io.BytesIO()
    np.savez_compressed(file, depth=DEPTHS)
    expected, path = DepthFormat(scale=0.01)(DEPTHS), tmp_path / "a.npz"
    for read in outcomes(file.getvalue(), path, lambda file: load(DEPTH, file), rounds=250):
        assert read is None or np.array_equal(read, expected)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_a_damaged_mat_is_an_error_or_holds_a_matrix(tmp_path, compressed, little_memory):
    """Compressed variables have a checksum."""
    path = tmp_path / "a.mat"
    savemat(path, dict(LabelMap=LABELS.astype(np.uint16)), do_compression=compressed)
    for read in outcomes(path.read_bytes(), path, read_mat):
        labels = None if read is None else read.get("LabelMap")
        if compressed and labels is not None:
            assert np.array_equal(labels, LABELS)


def test_damaged_parts_of_people_are_an_error_or_parts(tmp_path):
    write_pascal(str(tmp_path), SIZE)
    dataset = PascalContextMultiTask(data_root=str(tmp_path), targets=("parts",), pipeline=[])
    entry, (target,) = dataset.get_data_info(0), dataset.targets()
    path = tmp_path / "human_parts" / "2008_000001.mat"
    for read in outcomes(path.read_bytes(), path, lambda _: dataset.read_target(entry, target)):
        assert read is None or target_breach(target, read) is None


@pytest.mark.parametrize("shape", [(1 << 40, 9), (6, 1 << 62), (-6, -9), (6, 9, 0)])
def test_the_shape_in_an_npy_header_allocates_nothing(tmp_path, shape, little_memory):
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        text = dict(descr="<f4", fortran_order=False, shape=shape)
        np.lib.format.write_array_header_1_0(file, text)
        file.write(bytes(6 * 9 * 4))
    with pytest.raises(DataError, match=r"a\.npy is not a readable .*promises shape"):
        read_map(str(path))


def test_a_damaged_camera_is_an_error_or_a_camera(tmp_path):
    image = tmp_path / "disparity" / "val" / "ulm" / "a_disparity.png"
    camera = tmp_path / "camera" / "val" / "ulm" / "a_camera.json"
    for file in (image, camera):
        file.parent.mkdir(parents=True)
    decode = CityscapesDepthFormat()
    raw = DEPTHS.copy()

    def read(_):
        return decode(raw, str(image))

    data = json.dumps(dict(CAMERA, vehicle=dict(speed=3.5)), indent=1).encode()
    for depth in outcomes(data, camera, read):
        if depth is not None:
            assert target_breach(DEPTH, depth) is None
            assert (depth[raw <= 1] == 0).all() and (depth[raw > 1] > 0).all()


@pytest.fixture
def packed(tmp_path):
    """A folder of four packed samples, and what builds a data set of it."""
    root = tmp_path / "files"
    for folder, array in dict(rgb=COLOURS, label=LABELS, depth=DEPTHS, normal=COLOURS).items():
        os.makedirs(root / folder)
        for index in range(4):
            (root / folder / f"{index}.png").write_bytes(png(array))
    prefix = dict(
        img_path="rgb", seg_map_path="label", depth_map_path="depth", normal_map_path="normal"
    )
    source = dict(
        type="MultiTaskDataset", data_root=str(root), data_prefix=prefix, img_suffix=".png",
        metainfo=dict(classes=("a", "b", "c")), depth_format=dict(scale=0.01), pipeline=[],
    )  # fmt: skip
    folder = tmp_path / "packed"
    pack_dataset(DATASETS.build(source), str(folder), source, samples_per_shard=2)
    pipeline = [dict(type="LoadImage"), dict(type="LoadTargets")]
    config = dict(type="PackedDataset", data_root=str(folder), pipeline=pipeline)
    # Collecting garbage after serialising costs more than all the rest.
    config["serialize_data"] = False
    return folder, lambda: DATASETS.build(config)


def arrays(sample):
    return {key: sample[key] for key in ("img", *(t.array for t in PREDEFINED.values()))}


@pytest.mark.parametrize("file", ["index.json", "shard-00001.json"])
def test_damaged_packed_json_is_an_error_or_what_it_was(packed, file):
    folder, build = packed
    original = [arrays(sample) for sample in build()]
    data = (folder / file).read_bytes()
    for read in outcomes(data, folder / file, lambda _: [*build()], rounds=150):
        if read is not None:
            for sample, expected in zip(read, original, strict=True):
                assert all(np.array_equal(sample[key], expected[key]) for key in expected)


def test_damaged_shards_are_reported_and_still_give_targets(packed):
    folder, build = packed
    file = folder / "shard-00001.bin"

    def read(_):
        dataset = build()
        problems = [*dataset.verify()]
        assert len(problems) == 1 and str(file) in problems[0]
        return [dataset[index] for index in (2, 3)]

    for samples in outcomes(file.read_bytes(), file, read, rounds=150):
        for sample in samples or ():
            assert image_breach(sample["img"]) is None
            for target in (SEMSEG, DEPTH, NORMALS):
                assert target_breach(target, sample[target.array]) is None
