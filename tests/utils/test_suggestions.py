"""The nearest valid choice: of names, and of paths with any part misspelled."""

import os

import pytest

from mtl_plugins.utils import did_you_mean, did_you_mean_path, nearest


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("lrr", ["lr", "eps"], "Did you mean lr?"),
        ("timmencoder", ["TimmEncoder", "Adam"], "Did you mean TimmEncoder?"),
        # Only what is about as near as the nearest.
        ("model_nam", ["model_name", "model_args"], "Did you mean model_name?"),
        ("depth/rmes", ["depth/rmse", "depth/rms2"], "Did you mean depth/rmse or depth/rms2?"),
        ("qqq", ["b", "a"], "Choose from a, b."),
        ("qqq", [f"name{i}" for i in range(21)], "See the list."),
        ("qqq", [], "See the list."),
        # A config may give anything.
        (None, ["b", "a"], "Choose from a, b."),
        (5, ["5", "a"], "Choose from 5, a."),
    ],
)
def test_the_sentence(name, known, sentence):
    assert did_you_mean(name, known, "See the list.") == sentence


def test_a_folder_is_no_file(tmp_path):
    assert did_you_mean_path(str(tmp_path)) == "It is a folder."


def test_order_of_what_is_known_does_not_matter():
    known = {"abc1", "abc2", "abc3", "abc4"}
    assert nearest("abc", known) == nearest("abc", sorted(known, reverse=True))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("configs/mtl_joinnt.py", "configs/mtl_joint.py"),
        ("config/mtl_joint.py", "configs/mtl_joint.py"),
        ("confgs/small/bse.py", "configs/small/base.py"),
        ("configs/mtl_joint", "configs/mtl_joint.py"),
        ("configs/base.py", "configs/small/base.py"),  # a folder left out
        ("mtl_joint.py", "configs/mtl_joint.py"),
        ("./configs/mtl_joinnt.py", "configs/mtl_joint.py"),
        ("configs/nothing_like_it.py", None),
        ("", None),
    ],
)
def test_paths(tmp_path, monkeypatch, wrong, right):
    (tmp_path / "configs" / "small").mkdir(parents=True)
    for name in ("mtl_joint.py", "ladder.py", "small/base.py", "mtl_joint.txt"):
        (tmp_path / "configs" / name).touch()
    monkeypatch.chdir(tmp_path)
    assert did_you_mean_path(wrong) == (f"Did you mean {right}?" if right else "")
    absolute = os.path.join(tmp_path, wrong)
    if wrong:
        expected = os.path.join(tmp_path, right) if right else ""
        assert expected in did_you_mean_path(absolute)
