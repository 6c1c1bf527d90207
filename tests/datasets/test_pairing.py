"""Images and targets are paired by folders, patterns or a list; all ways give the same pairs."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
import unicodedata
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmseg.registry import DATASETS

from mtl_plugins.errors import ConfigError, DataError
from tests.properties import PROPERTY

LANES = dict(type="classes", classes=("none", "solid"))
NAMES = st.text("abcXY01 _-,;#%üé'\"", min_size=1, max_size=6).map(
    lambda name: unicodedata.normalize("NFC", name)
)
SCENES = NAMES.map(str.strip).filter(lambda name: name and not name.startswith("#"))


def touch(root, *files):
    for file in files:
        path = Path(root, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def build(root, images=None, targets=None, **options):
    prefix = {} if images is None else dict(img_path=images)
    config = dict(data_root=str(root), data_prefix=prefix, targets=targets or {}, pipeline=[])
    return DATASETS.build(
        {"type": "MultiTaskDataset", "serialize_data": False, **config, **options}
    )


def found(dataset, root=""):
    """Return the files of each sample, relative to the root, in order of the images."""
    entries = [dataset.get_data_info(index) for index in range(len(dataset))]
    paths = [{k: v for k, v in entry.items() if k.endswith("_path")} for entry in entries]
    root = str(root or dataset.data_root)
    relative = [{k: os.path.relpath(v, root) for k, v in each.items()} for each in paths]
    return sorted(relative, key=lambda each: each["img_path"])


def as_csv(rows, separator=","):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerows(rows)
    return text.getvalue()


def as_json(rows):
    header, *cells = rows
    objects = [dict(zip(header, row, strict=True)) for row in cells]
    return "\n".join(json.dumps({k: v or None for k, v in row.items()}) for row in objects)


def lists(rows):
    """Return the same list in every form, by the name of its file."""
    return {
        "a.csv": as_csv(rows),
        "b.tsv": as_csv(rows, "\t"),
        "c.txt": as_csv(rows, ";"),
        "d.jsonl": as_json(rows),
    }


@PROPERTY
@given(
    st.dictionaries(
        SCENES, st.lists(SCENES, min_size=1, max_size=3, unique=True), min_size=1, max_size=3
    )
)
def test_all_ways_give_the_same_pairs(scenes):
    root = mkdtemp()
    wanted = []
    for scene, names in scenes.items():
        for name in names:
            sample = dict(
                img_path=f"rgb/{scene}/{name}.jpg",
                depth_map_path=f"depth/{scene}/{name}_d.png",
                lanes_map_path=f"lanes/{scene}/{name}.npy",
            )
            touch(root, *sample.values())
            wanted.append(sample)
    wanted.sort(key=lambda each: each["img_path"])
    folders = dict(
        depth=dict(folder="depth", suffix="_d.png"),
        lanes=dict(LANES, folder="lanes", suffix=".npy"),
    )
    assert found(build(root, "rgb", folders)) == wanted
    patterns = dict(
        depth=dict(folder="depth/{scene}/{name}_d.png"),
        lanes=dict(LANES, folder="{kind}/{scene}/{name}.npy".replace("{kind}", "lanes")),
    )
    assert found(build(root, "rgb/{scene}/{name}.jpg", patterns)) == wanted
    without = {k: dict(v, folder=v["folder"][:-4]) for k, v in patterns.items()}
    without["lanes"]["suffix"] = [".png", ".npy"]
    options = dict(img_suffix=[".png", ".jpg"])
    assert found(build(root, "rgb/{scene}/{name}", without, **options)) == wanted
    Path(root, "names.txt").write_text(
        "\n".join(each["img_path"] for each in wanted), encoding="utf-8"
    )
    for images, targets in (("rgb", folders), ("rgb/{scene}/{name}.jpg", patterns)):
        assert found(build(root, images, targets, ann_file="names.txt")) == wanted
    rows = [["image", "depth", "lanes"], *(each.values() for each in wanted)]
    absolute = [rows[0], *([os.path.join(root, cell) for cell in row] for row in rows[1:])]
    for cells in (rows, absolute):
        for file, text in lists(cells).items():
            Path(root, file).write_text(text, encoding="utf-8")
            assert found(build(root, None, dict(lanes=LANES), ann_file=file)) == wanted
    # Names in folders.
    names = [[p[0][4:-4], p[1][6:-6], p[2][6:-4]] for p in (list(e.values()) for e in wanted)]
    Path(root, "names.csv").write_text(as_csv([rows[0], *names]), encoding="utf-8")
    assert found(build(root, "rgb", folders, ann_file="names.csv")) == wanted
    shutil.rmtree(root)


@PROPERTY
@given(
    st.lists(
        st.tuples(SCENES, st.booleans(), st.booleans()),
        min_size=1,
        max_size=6,
        unique_by=lambda each: each[0],
    )
)
def test_an_empty_cell_is_no_target(samples):
    root, rows, wanted = mkdtemp(), [["image", "depth", "lanes"]], []
    for name, *has in samples:
        paths = [f"{name}.jpg", *(f"{name}_{i}.png" if each else "" for i, each in enumerate(has))]
        touch(root, *filter(None, paths))
        rows.append(paths)
        keys = ("img_path", "depth_map_path", "lanes_map_path")
        wanted.append({k: path for k, path in zip(keys, paths, strict=True) if path})
    for file, text in lists(rows).items():
        Path(root, file).write_text(text, encoding="utf-8")
        dataset = build(root, targets=dict(lanes=LANES), ann_file=file)
        assert found(dataset) == sorted(wanted, key=lambda each: each["img_path"])
        assert [target.name for target in dataset.targets()] == ["depth", "lanes"]
    shutil.rmtree(root)


HAND_MADE = {
    "one folder, prefixes": (
        ["img_0001.jpg", "img_2.JPG", "mask_0001.png", "mask_2.png"],
        ("img_{number}.jpg", "mask_{number}.png"),
        [("img_0001.jpg", "mask_0001.png"), ("img_2.JPG", "mask_2.png")],
    ),
    "one folder, one ending": (
        ["a (1).png", "a (1)_mask.png", "b.png", "b_mask.png"],
        ("{name}.png", "{name}_mask.png"),
        [("a (1).png", "a (1)_mask.png"), ("b.png", "b_mask.png")],
    ),
    "a scene comes twice in a path": (
        ["s1/s1_007.png", "s1/s2_007.png", "label/s1-007.png"],
        ("{scene}/{scene}_{frame}.png", "label/{scene}-{frame}.png"),
        [("s1/s1_007.png", "label/s1-007.png")],
    ),
    "the first field is the longest": (
        ["rgb/seq_01_0007.png", "d/seq_01/0007.png"],
        ("rgb/{scene}_{frame}.png", "d/{scene}/{frame}.png"),
        [("rgb/seq_01_0007.png", "d/seq_01/0007.png")],
    ),
    "a folder for each sample": (
        ["1/left.png", "1/disp.png", "2/left.png", "2/disp.png", "2/right.png"],
        ("{pair}/left.png", "./{pair}//disp.png"),
        [("1/left.png", "1/disp.png"), ("2/left.png", "2/disp.png")],
    ),
    "braces and dots": (
        ["{x}/a.b.png", "{x}/a.b.v1.png"],
        ("{{x}}/{name}.b.png", "{{x}}/{name}.b.v1.png"),
        [("{x}/a.b.png", "{x}/a.b.v1.png")],
    ),
}


@pytest.mark.parametrize("case", HAND_MADE)
@pytest.mark.parametrize("start", ["root", "absolute", "home"])
def test_patterns(tmp_path, monkeypatch, case, start):
    files, (image, mask), wanted = HAND_MADE[case]
    touch(tmp_path, *files, ".cache/a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    before = dict(root="", absolute=f"{tmp_path}/", home="~/")[start]
    root = str(tmp_path) if start == "root" else ""
    targets = dict(mask=dict(type="binary", folder=before + mask))
    paths = found(build(root, before + image, targets), tmp_path)
    assert [(each["img_path"], each["mask_map_path"]) for each in paths] == wanted
    assert build(root, before + image).targets() == []


def test_folders_may_hold_images_and_targets_of_one_ending(tmp_path):
    touch(tmp_path, "a.png", "a_mask.png", "sub/b.png", "sub/b_mask.png")
    mask = dict(type="binary", folder=".", suffix="_mask.png")
    paths = found(build(tmp_path, ".", dict(mask=mask), img_suffix=".png"))
    assert [each["img_path"] for each in paths] == ["a.png", "sub/b.png"]
    touch(tmp_path, "c.png")
    with pytest.raises(DataError, match=r"1 of 3 mask files are missing: \S*/c_mask\.png"):
        build(tmp_path, ".", dict(mask=mask), img_suffix=".png")


def test_a_pattern_is_relative_to_the_working_directory_without_a_root(tmp_path, monkeypatch):
    touch(tmp_path, "s/rgb/1.jpg", "s/d/1.png")
    monkeypatch.chdir(tmp_path)
    dataset = build("", "{s}/rgb/{n}.jpg", dict(depth=dict(folder="{s}/d/{n}.png")))
    assert found(dataset, ".") == [dict(img_path="s/rgb/1.jpg", depth_map_path="s/d/1.png")]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_accents_may_be_stored_in_another_form(tmp_path, form, written):
    files = [unicodedata.normalize(form, name) for name in ("rgb/Zürich/ü.jpg", "d/Zürich/ü.png")]
    touch(tmp_path, *files)
    images = unicodedata.normalize(written, "rgb/Zü{city}/{n}.jpg")
    depth = dict(folder=unicodedata.normalize(written, "d/Zü{city}/{n}.png"))
    wanted = [dict(img_path=files[0], depth_map_path=files[1])]
    assert found(build(tmp_path, images, dict(depth=depth))) == wanted
    names = [unicodedata.normalize(written, name) for name in files]
    (tmp_path / "a.csv").write_text(f"image,depth\n{','.join(names)}", encoding="utf-8")
    assert found(build(tmp_path, ann_file="a.csv")) == wanted


def test_a_tilde_is_the_home_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    touch(tmp_path, "data/rgb/1.jpg", "data/depth/1.png", "data/lanes/1.png")
    depth, lanes = dict(folder="depth"), dict(LANES, folder="~/data/lanes")
    targets = dict(depth=depth, lanes=lanes)
    wanted = found(build(tmp_path / "data", "rgb", targets))
    assert len(wanted[0]) == 3
    assert found(build("~/data", "rgb", targets)) == wanted
    assert (
        found(
            build("/", "~/data/rgb", dict(targets, depth=dict(folder="~/data/depth"))),
            tmp_path / "data",
        )
        == wanted
    )
    (tmp_path / "names.txt").write_text("~/data/rgb/1.jpg\n")
    (tmp_path / "a.csv").write_text(
        "image;depth;lanes\n~/data/rgb/1.jpg;depth/1.png;~/data/lanes/1.png"
    )
    assert found(build("~/data", "rgb", targets, ann_file="~/names.txt")) == wanted
    assert found(build("~/data", None, dict(lanes=LANES), ann_file="~/a.csv")) == wanted
    with pytest.raises(DataError, match=r"ann_file /\S*/b\.csv does not exist"):
        build("~/data", ann_file="~/b.csv")


def test_what_is_left_out_is_counted(tmp_path, warnings):
    touch(tmp_path, "s/rgb/1.jpg", "s/rgb/2.png", "s/rgb/.3.jpg", "s/d/1.png", "s/d/9.png", "x.jpg")
    depth = dict(depth=dict(folder="{s}/d/{n}.png"))
    dataset = build(tmp_path, "{s}/rgb/{n}.jpg", depth)
    assert len(dataset) == 1
    assert dataset.unpaired_files() == [str(tmp_path / "s/d/9.png")]
    assert dataset.left_out_files() == [str(tmp_path / f"s/rgb/{n}") for n in (".3.jpg", "2.png")]
    assert "do not fit data_prefix.img_path='{s}/rgb/{n}.jpg'" in warnings[0]
    assert "1 file of targets" in warnings[1]


IMAGE = "{scene}/rgb/{name}.jpg"
REFUSED_PATTERNS = {
    "a field that the image lacks": (
        (IMAGE, "{scen}/depth/{name}.png"),
        r"targets\.depth\.folder='{scen}/depth/{name}.png' has the field {scen}, which "
        r"data_prefix\.img_path='{scene}/rgb/{name}.jpg' does not give\. Did you mean scene\?",
    ),
    "a folder beside a pattern": (
        (IMAGE, "depth"),
        r"img_path=.* is a pattern, but targets\.depth\.folder='depth' is a folder",
    ),
    "a pattern beside a folder": (
        ("rgb", "{n}.png"),
        r"targets\.depth\.folder='{n}\.png' is a pattern, but data_prefix.img_path='rgb' is",
    ),
    "a brace alone": (
        ("rgb/{name.jpg", None),
        r"'{name\.jpg' has a brace that belongs to no field",
    ),
    "a field without a name": (("rgb/{}.jpg", None), "expected fields such as {name}"),
    "a format": (("rgb/{n:04d}.jpg", None), "expected fields such as {name}"),
    "several images with one target": (
        (IMAGE, "depth/{name}.png"),
        r"2 images have the same depth file \S*depth/1\.png: \S*s1/rgb/1\.jpg, \S*s2/rgb/1\.jpg\. "
        r"targets\.depth\.folder='depth/{name}\.png' lacks the field {scene}: add it, or list",
    ),
    "missing targets": ((IMAGE, "{scene}/label/{name}.png"), r"2 of 2 depth files are missing"),
    "no folder fits": (
        ("{scene}/RGB/{name}.jpg", None),
        r"No image fits .*: \S*/s1 has no folder that fits 'RGB', but depth, rgb\. Correct",
    ),
    "no file fits": (
        ("{scene}/rgb/img_{name}.jpg", None),
        r"\S*/s1/rgb has no file that fits 'img_{name}\.jpg', but 1\.jpg\.",
    ),
    "two files of one name": (
        ("{scene}/{kind}/{name}", None),
        "have one name and differ in their ending",
    ),
    "no folder": (("train/{name}.jpg", None), "The image folder .*train does not exist"),
}


@pytest.mark.parametrize("case", REFUSED_PATTERNS)
def test_patterns_that_pair_nothing_are_refused(tmp_path, case):
    (image, depth), reason = REFUSED_PATTERNS[case]
    touch(tmp_path, *(f"s{n}/{f}" for n in (1, 2) for f in ("rgb/1.jpg", "depth/1.png")))
    touch(tmp_path, "depth/1.png", "s1/depth/1.jpg")
    options = dict(img_suffix=[".jpg", ".png"]) if case.startswith("two") else {}
    targets = {} if depth is None else dict(depth=dict(folder=depth))
    with pytest.raises((ConfigError, DataError), match=reason):
        build(tmp_path, image, targets, **options)


def test_a_pattern_with_an_ending_takes_no_other(tmp_path):
    with pytest.raises(ConfigError, match=r"ends in '\.jpg', but the suffix of these files is"):
        build(tmp_path, IMAGE, img_suffix=".png")
    with pytest.raises(ConfigError, match=r"Leave the suffix out, or write the pattern without"):
        build(tmp_path, IMAGE, dict(depth=dict(folder=IMAGE, suffix=".npy")))
    touch(tmp_path, "s/rgb/1.jpg")
    build(tmp_path, IMAGE, dict(depth=dict(folder=IMAGE, suffix=".jpg")), img_suffix=".jpg")


def test_names_in_a_list_must_fit_the_pattern(tmp_path):
    touch(tmp_path, "s1/rgb/1.jpg", "other/2.jpg")
    (tmp_path / "a.txt").write_text("s1/rgb/1\nother/2.jpg\n")
    with pytest.raises(DataError, match=r"lists 1 images that do not fit .*: other/2\. Give"):
        build(tmp_path, IMAGE, ann_file="a.txt")


def test_a_data_set_with_its_own_rule_takes_no_pattern(tmp_path):
    with pytest.raises(ConfigError, match="KittiMultiTask pairs its files by a rule of its own"):
        build(tmp_path, "{scene}/rgb/{name}", type="KittiMultiTask")


REFUSED_LISTS = {
    "an unknown column": (
        "image,dept\na.jpg,a.png",
        r"'dept', which is no target of the data set\. Did you mean depth\?",
    ),
    "no images": (
        "rgb,depth\na.jpg,a.png",
        r"has the columns 'rgb', 'depth'; expected 'image' and",
    ),
    "no header": ("a.jpg,a.png\nb.jpg,b.png", r"has the columns 'a\.jpg', 'a\.png'; .* first line"),
    "an index of pandas": (",image,depth\n0,a.jpg,a.png", r"one without a name.*index=False"),
    "a column twice": ("image,depth,depth\na.jpg,a.png,a.png", "'depth' twice"),
    "too many cells": ("image,depth\na.jpg,a.png,b.png", r"3 cells in line 2 .*, but 2 columns"),
    "too few cells": ("image,depth\n\na.jpg\n", r"1 cells in line 3 "),
    "no image in a line": ("image,depth\na.jpg,a.png\n,a.png", "names no image in line 3"),
    "nothing": ("image,depth\n", "lists no image"),
    "missing images": (
        "image,depth\nx.jpg,a.png\ny.jpg,a.png",
        r"2 image files that ann_file .* are missing: \S*x\.jpg \(line 2\), \S*y\.jpg \(line 3\)",
    ),
    "missing targets": (
        "image,depth\n\na.jpg,b.png",
        r"1 depth files .* missing: \S*/b\.png \(line 3\)\. .* Leave a cell empty",
    ),
    "an image twice": (
        "image,depth\na.jpg,a.png\n./a.jpg,",
        r"names the image \S*/a\.jpg in line 2 and in line 3\. Keep one line",
    ),
    "ambiguous endings": (
        "image,depth\na.jpg,sub/c",
        r"sub/c\.png and \S*/sub/c\.npy have one name",
    ),
    "a folder": ("image,depth\na.jpg,sub", r"1 depth files .* missing: \S*/sub"),
    "no JSON": ('{"image": "a.jpg"}\n{"image": ', r"in line 2 no JSON object of paths \("),
    "numbers": ('{"image": 5}', r"in line 1 no JSON object of paths: "),
    "a list of JSON": ('{"image": "a.jpg"}\n["a.jpg"]', "in line 2 no JSON object"),
    "an unknown key": ('{"image": "a.jpg"}\n{"image": "a.jpg", "dpth": null}', "'dpth', which is"),
    "a JSON array": ('[\n {"image": "a.jpg"}]', "is a JSON array; expected one JSON object a line"),
    "a missing file below comments": (
        "# mine\n\n#\nimage,depth\na.jpg,a.png\na.jpg,x.png",
        r"1 depth files .* missing: \S*/x\.png \(line 6\)",
    ),
    "a NUL": ("image,depth\na.jpg,\0", r"are missing|cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED_LISTS)
def test_lists_that_pair_nothing_are_refused(tmp_path, case):
    text, reason = REFUSED_LISTS[case]
    touch(tmp_path, "a.jpg", "a.png", "sub/c.png", "sub/c.npy")
    (tmp_path / "list.csv").write_text(text)
    targets = dict(depth=dict(suffix=[".png", ".npy"]))
    with pytest.raises(DataError, match=reason):
        build(tmp_path, None, targets, ann_file="list.csv")


def test_files_that_differ_in_their_ending_alone_are_refused(tmp_path):
    touch(tmp_path, "rgb/a.jpg", "rgb/b.jpg", "depth/a.png", "depth/a.npy", "depth/b.PNG")
    (tmp_path / "names.txt").write_text("a\n")
    depth = dict(folder="depth", suffix=[".png", ".npy"])
    for options in (dict(), dict(ann_file="names.txt")):
        with pytest.raises(DataError, match=r"a\.png and \S*/depth/a\.npy have one name"):
            build(tmp_path, "rgb", dict(depth=depth), **options)
    # A letter's case makes no second file; the ending in a list says which one is meant.
    (tmp_path / "names.txt").write_text("b\n")
    depth["suffix"] = [".png", ".PNG"]
    assert len(build(tmp_path, "rgb", dict(depth=depth), ann_file="names.txt")) == 1
    (tmp_path / "a.csv").write_text("image,depth\nrgb/a.jpg,depth/a.npy\n")
    depth = dict(suffix=[".png", ".npy"])
    [paths] = found(build(tmp_path, None, dict(depth=depth), ann_file="a.csv"))
    assert paths["depth_map_path"] == "depth/a.npy"


@pytest.mark.parametrize(
    "options, reason",
    [
        (dict(targets=dict(lanes=LANES)), r"targets\.lanes has no folder and no column"),
        (
            dict(targets=dict(semseg=dict(folder="x"))),
            r"targets\.semseg has the folder 'x', but .* no column 'semseg'",
        ),
        (dict(images=IMAGE), r"has no effect, because the columns of ann_file name the files"),
    ],
)
def test_a_config_that_contradicts_the_list_is_refused(tmp_path, options, reason):
    touch(tmp_path, "a.jpg", "a.png")
    (tmp_path / "list.csv").write_text("image,depth\na.jpg,a.png")
    with pytest.raises(ConfigError, match=reason):
        build(tmp_path, ann_file="list.csv", **options)


def test_columns_and_names(tmp_path, warnings):
    """Blanks may separate columns; a list of names remains one, whatever they are."""
    touch(tmp_path, "rgb/image 1.jpg", "rgb/image.jpg", "rgb/a,b.jpg", "depth/1.png", "rgb/x.jpg")
    image = "rgb/x.jpg"
    for text in (f"image depth\n{image}  depth/1.png", f"depth image \r\n\r\ndepth/1.png\t{image}"):
        (tmp_path / "list.txt").write_text(text)
        [paths] = found(build(tmp_path, ann_file="list.txt"))
        assert paths == dict(img_path=image, depth_map_path="depth/1.png")
    for text, images in {
        "image 1\nx": ["image 1", "x"],
        "image\nx": ["image", "x"],
        "a,b\nx": ["a,b", "x"],
    }.items():
        (tmp_path / "list.txt").write_text(text)
        paths = found(build(tmp_path, "rgb", ann_file="list.txt"))
        assert [each["img_path"] for each in paths] == [f"rgb/{name}.jpg" for name in images]
    (tmp_path / "list.txt").write_text(f"# mine\n\nimage depth\n{image} depth/1.png\n")
    [paths] = found(build(tmp_path, ann_file="list.txt"))
    assert paths == dict(img_path=image, depth_map_path="depth/1.png")
    with pytest.raises(ConfigError, match=r"ann_file=\['a', 'b'\]; expected one path, as text"):
        build(tmp_path, ann_file=["a", "b"])
    (tmp_path / "list.txt").write_text(f"{image} depth/1.png\n")
    with pytest.raises(
        DataError, match=r"1 of 1 image files .* unless the first one names columns"
    ):
        build(tmp_path, ann_file="list.txt")
    # A test set: a column of images alone.
    (tmp_path / "test.csv").write_text("image\nrgb/a,b.jpg\nrgb\\x.jpg\n")
    paths = found(build(tmp_path, ann_file="test.csv"))
    assert paths == [dict(img_path="rgb/a,b.jpg"), dict(img_path="rgb/x.jpg")]
    assert warnings == []
    (tmp_path / "list.txt").write_text("x\nx\n")
    assert len(build(tmp_path, "rgb", ann_file="list.txt")) == 2
    assert len(warnings) == 1 and "more than once" in warnings[0]
    (tmp_path / "list.txt").write_text("\nx\n\ny\n")
    with pytest.raises(DataError, match=r"1 of 2 image files are missing: \S*/y.jpg \(line 4\)"):
        build(tmp_path, "rgb", ann_file="list.txt")
    (tmp_path / "list.csv").write_text(f"image,depth\n{image},depth/1.png\n")
    left_out = build(tmp_path, ann_file="list.csv", data_prefix=dict(depth_map_path=None))
    assert left_out.targets() == []


def test_a_list_is_needed_only_when_files_are_looked_for(tmp_path):
    folders = dict(lazy_init=True, ann_file="none.txt")
    dataset = build(tmp_path, "rgb", dict(depth=dict(folder="depth")), **folders)
    assert [target.name for target in dataset.targets()] == ["depth"]
    with pytest.raises(DataError, match="does not exist"):
        build(tmp_path, lazy_init=True, ann_file="none.csv")


def test_a_hundred_thousand_files_take_seconds(tmp_path, monkeypatch):
    """A folder is listed a few times, and no file is looked at by itself."""
    count = 2000
    names = [f"{index:06}" for index in range(count)]
    touch(tmp_path, *(f"s/rgb/{n}.jpg" for n in names), *(f"s/depth/{n}.png" for n in names))
    rows = "".join(f"s/rgb/{n}.jpg,s/depth/{n}.png\n" for n in names)
    (tmp_path / "list.csv").write_text("image,depth\n" + rows)
    calls = []
    for name in ("stat", "lstat", "scandir"):
        own = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _own=own, **k: (calls.append(a), _own(*a, **k))[1])
    begin = time.perf_counter()
    folders = dict(depth=dict(folder="{scene}/depth/{name}.png"))
    assert len(build(tmp_path, "{scene}/rgb/{name}.jpg", folders)) == count
    assert len(build(tmp_path, ann_file="list.csv")) == count
    assert len(calls) < 60
    assert time.perf_counter() - begin < 5
