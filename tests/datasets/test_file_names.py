"""Files are paired by name, whatever their ending, and none is left out in silence."""

from __future__ import annotations

import os
import unicodedata

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mtl_plugins.datasets import LabelFormat
from mtl_plugins.errors import ConfigError, DataError

PIPELINE = [dict(type="LoadImage"), dict(type="LoadTargets"), dict(type="PackTargets")]
NAMES = ("a", "b c", "sub/d#%", "sub/ü", "e\nf")


def write(path, value=0, channels=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (4, 5, 3) if channels == 3 else (4, 5)
    with open(path, "wb") as file:
        Image.fromarray(np.full(shape, value, np.uint8)).save(file, "PNG")


@pytest.fixture
def root(tmp_path):
    for value, name in enumerate(NAMES):
        write(tmp_path / "rgb" / f"{name}.png", value)
        write(tmp_path / "label" / f"{name}.png", value, 1)
    return tmp_path


def build(root, **options):
    prefix = dict(img_path="rgb", seg_map_path="label")
    config = dict(type="MultiTaskDataset", data_root=str(root), data_prefix=prefix)
    config |= dict(img_suffix=".png", metainfo=dict(classes=tuple("abcdefgh")), pipeline=PIPELINE)
    return DATASETS.build({**config, "serialize_data": False, **options})


def pairs(dataset):
    """Return the value of each image and of its label."""
    samples = [dataset[index] for index in range(len(dataset))]
    return [(int(s["inputs"].max()), int(s["data_samples"].gt_sem_seg.data.max())) for s in samples]


def test_names_of_all_kinds_are_paired(root, warnings):
    assert sorted(pairs(build(root))) == [(value, value) for value in range(len(NAMES))]
    assert warnings == []


@pytest.mark.parametrize("folder", ["rgb", "label"])
@pytest.mark.parametrize("stored", [".PNG", ".Png"])
def test_capital_letters_of_an_ending_do_not_matter(root, warnings, folder, stored):
    os.rename(root / folder / "a.png", root / folder / f"a{stored}")
    assert sorted(pairs(build(root))) == [(value, value) for value in range(len(NAMES))]
    (root / "list.txt").write_text("a\n")
    assert pairs(build(root, ann_file="list.txt")) == [(0, 0)]
    assert warnings == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("folder", ["rgb", "label"])
def test_accents_may_be_stored_in_another_form(tmp_path, form, folder):
    for each in ("rgb", "label"):
        name = unicodedata.normalize(form if each == folder else "NFC", "Zürich/ü.png")
        write(tmp_path / each / name, 1, 3 if each == "rgb" else 1)
    assert pairs(build(tmp_path)) == [(1, 1)]
    for listed in ("NFC", "NFD"):
        name = unicodedata.normalize(listed, "Zürich/ü")
        (tmp_path / "list.txt").write_text(name, encoding="utf-8")
        assert pairs(build(tmp_path, ann_file="list.txt")) == [(1, 1)]


def test_several_endings(root, warnings):
    os.rename(root / "rgb" / "a.png", root / "rgb" / "a.jpeg")
    os.rename(root / "label" / "b c.png", root / "label" / "b c.npy")
    options = dict(img_suffix=[".png", ".jpeg"], seg_map_suffix=(".png", ".npy"))
    assert sorted(pairs(build(root, **options))) == [(v, v) for v in range(len(NAMES))]
    semseg = dict(folder="label", suffix=[".png", ".npy"])
    found = build(root, **{**options, "seg_map_suffix": ".x"}, targets=dict(semseg=semseg))
    assert len(found) == len(NAMES)
    assert warnings == []
    write(root / "rgb" / "a.png")
    with pytest.raises(DataError, match=r"a\.(png|jpeg) and .*a\.(png|jpeg) have one name"):
        build(root, **options)


@pytest.mark.parametrize("suffix", ["png", 5, [], [".png", None], {".png": 1}])
@pytest.mark.parametrize("key", ["img_suffix", "seg_map_suffix", "depth_map_suffix"])
def test_what_is_no_ending_is_refused(root, key, suffix):
    with pytest.raises(ConfigError, match="ending of the file names with its dot"):
        build(root, **{key: suffix})


def test_what_is_left_out_is_counted(root, warnings):
    for name in ("x.jpg", "y.JPEG", ".z.png", "._a.png", ".cache/w.png", "v.heic"):
        write(root / "rgb" / name)
    for name in ("notes.txt", "Thumbs.db", ".DS_Store"):
        (root / "rgb" / name).write_text("")
    write(root / "label" / "x.png", 1, 1)
    dataset = build(root)
    assert len(dataset) == len(NAMES)
    names = {os.path.basename(path) for path in dataset.left_out_files()}
    assert names == {"x.jpg", "y.JPEG", ".z.png", "._a.png", "v.heic"}
    assert dataset.unpaired_files() == [str(root / "label" / "x.png")]
    assert warnings[0].startswith("5 files in ") and warnings[1].startswith("1 file of targets")
    assert "._a.png" in warnings[0] and "img_suffix" in warnings[0] and "x.png" in warnings[1]
    # A list says itself which files belong to the set.
    (root / "list.txt").write_text("a\n")
    warnings.clear()
    assert build(root, ann_file="list.txt").left_out_files() == [] and warnings == []


def test_images_and_labels_may_lie_in_one_folder(tmp_path, warnings):
    write(tmp_path / "a_rgb.png", 2)
    write(tmp_path / "a_label.png", 2, 1)
    one = dict(data_prefix=dict(img_path=".", seg_map_path="."), img_suffix="_rgb.png")
    assert pairs(build(tmp_path, **one, seg_map_suffix="_label.png")) == [(2, 2)]
    assert warnings == []


def test_links_are_followed_once_and_broken_ones_are_missing(root):
    os.symlink("..", root / "rgb" / "sub" / "again")
    os.symlink(root / "rgb" / "a.png", root / "rgb" / "link.png")
    write(root / "label" / "link.png", 0, 1)
    assert len(build(root)) == len(NAMES) + 1
    os.remove(root / "rgb" / "a.png")
    with pytest.raises(DataError, match=r"1 of 5 image files are missing: .*link\.png"):
        build(root)


LINES = {
    "plain": "a\nb c\nsub/ü\n",
    "with endings": "a.png\nb c.PNG\nsub/ü.png",
    "Windows": "a\r\nb c\r\nsub\\ü\r\n\r\n",
    "blanks": "  a \t\n\n b c  \nsub/ü   ",
    "comments": "# train\na\n#b c\nb c\nsub/ü",
    "below the root": "rgb/a.png\n./rgb/b c.png\nrgb/sub/ü",
    "absolute": "{root}/rgb/a.png\n{root}/rgb/b c\n{root}/rgb/sub/ü.png",
}


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_list_may_come_from_any_editor(root, warnings, kind, encoding):
    text = LINES[kind].format(root=root)
    with open(root / "list.txt", "w", encoding=encoding, newline="") as file:
        file.write(text)
    assert pairs(build(root, ann_file="list.txt")) == [(0, 0), (1, 1), (3, 3)]
    assert warnings == []


def test_a_list_that_repeats_itself_is_reported(root, warnings):
    (root / "list.txt").write_text("a\nb c\na.png\n")
    assert pairs(build(root, ann_file="list.txt")) == [(0, 0), (1, 1), (0, 0)]
    assert len(warnings) == 1 and "1 images more than once, such as a" in warnings[0]


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "lists no image"),
        (b"# nothing\n\n", "lists no image"),
        ("ü".encode("latin-1"), r"no UTF-8 text .* save it as UTF-8"),
        (b"/else/a.png\n", r"lists /else/a\.png, which is no image below"),
        (b"../label/a\n", r"lists \.\./label/a, which is no image below"),
        (b"a\nnone\n", r"1 of 2 image files are missing: \S*none\.png \(line 2\)\."),
        ("a\nb\u200b\n".encode(), r"missing: '\S*b\\u200b\.png' \(line 2\)\."),
    ],
)
def test_a_list_that_fits_no_file_is_refused(root, content, reason):
    (root / "list.txt").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        build(root, ann_file="list.txt")


def test_without_files_of_the_ending_the_others_are_named(root):
    with pytest.raises(DataError, match=r"no file ending in '\.jpg', but 5 of '\.png'.*img_suffix"):
        build(root, img_suffix=".jpg")


@pytest.mark.parametrize("dtype", ["?", ">u2", ">i4", "u8", "f4"])
def test_labels_of_any_number_type_are_ids(root, dtype):
    values = np.array([[0, 1], [1, 0]], dtype)
    assert LabelFormat(2)(values).tolist() == [[0, 1], [1, 0]]
    mapped = LabelFormat(2, label_map={0: 1, 1: 0})(values)
    assert mapped.tolist() == [[1, 0], [0, 1]]
