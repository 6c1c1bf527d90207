"""Files of results: what cannot be written is refused before any work."""

import os

import pytest

from mtl_plugins.errors import ConfigError
from mtl_plugins.utils import check_results


def test_what_can_be_written_passes_and_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text("old")
    check_results("new.json", "old.json", None, str(tmp_path / "a" / "b.csv"), folder="c/d")
    assert os.listdir() == ["old.json"]


@pytest.mark.parametrize(
    ("files", "folder", "message"),
    [
        (["."], None, r"\. is a folder; expected a file"),
        (["old.json/x.csv"], None, r"x\.csv cannot be written: \S*old\.json is a file"),
        ([], "old.json", r"old\.json is a file; expected a folder"),
        ([], "old.json/a/b", r"old\.json is a file; expected a folder"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch, files, folder, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text("old")
    with pytest.raises(ConfigError, match=message):
        check_results(*files, folder=folder)


def test_a_protected_folder_is_refused(tmp_path, monkeypatch):
    # root may write anywhere, so the system's answer is given.
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(tmp_path))
    with pytest.raises(ConfigError, match="is write-protected"):
        check_results(str(tmp_path / "a" / "b.json"))
