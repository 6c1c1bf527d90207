"""Webcams, interrupted runs and file names that are no valid Unicode."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from mtl_plugins.inference import MultiTaskInferencer
from tests.inference.conftest import brightness, images, read_video, write_video


@pytest.fixture
def webcam(tmp_path, monkeypatch):
    """Replace webcam 0 by a video; return the list of opened sources."""
    write_video(tmp_path / "cam.mp4", images()[:1] * 9)
    opened, real = [], cv2.VideoCapture

    def open_video(source):
        opened.append(source)
        return real(str(tmp_path / "cam.mp4") if source == 0 else source)

    monkeypatch.setattr(cv2, "VideoCapture", open_video)
    return opened


def test_a_webcam_is_opened_late_and_read_frame_by_frame(tmp_path, webcam):
    stream = MultiTaskInferencer(brightness, batch_size=2).stream(0)
    assert webcam == []
    assert [next(stream).name for _ in range(3)] == [f"webcam_0/00000{i}" for i in range(3)]
    assert [found.index for found in stream] == [3, 4, 5, 6, 7, 8]


def test_ctrl_c_ends_a_webcam_and_leaves_whole_files(tmp_path, webcam):
    calls = []

    def interrupted(batch):
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return brightness(batch)

    interrupted.metainfo = brightness.metainfo
    report = MultiTaskInferencer(interrupted, batch_size=2).save("0", tmp_path / "out")
    assert webcam == [0] and report.images == 4
    rate, frames = read_video(tmp_path / "out" / "video" / "webcam_0.mp4")
    assert len(frames) == 4 and rate == 30
    assert '"complete": true' in (tmp_path / "out" / "predictions.json").read_text()
    # A video ends by itself, so Ctrl-C stops the command.
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        MultiTaskInferencer(interrupted, batch_size=2).save(tmp_path / "cam.mp4", tmp_path / "out")
    assert '"complete": false' in (tmp_path / "out" / "predictions.json").read_text()


@pytest.mark.skipif(os.name == "nt", reason="its names are always Unicode")
def test_file_names_need_not_be_unicode(tmp_path):
    folder = os.fsencode(tmp_path) + b"/in"
    os.mkdir(folder)
    image = cv2.imencode(".png", np.full((20, 30, 3), 9, np.uint8))[1].tobytes()
    for name in (b"\xff.png", b"\xff.mp4"):  # OpenCV would crash on the second
        with open(folder + b"/" + name, "wb") as file:
            file.write(image)
    report = MultiTaskInferencer(brightness).save(tmp_path / "in", tmp_path / "out")
    assert report.images == 1 and "no valid Unicode" in report.problems[0].reason
    assert os.listdir(os.fsencode(tmp_path) + b"/out/panel") == [b"\xff.png"]
