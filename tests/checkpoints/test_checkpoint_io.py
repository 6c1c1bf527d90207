import functools
import http.server
import os
import subprocess
import sys
import threading

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import load_checkpoint as mmengine_load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mtl_plugins.checkpoints import CheckpointError, load_checkpoint


class Payload:
    """What an attacker puts in a file: unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def malicious(request, tmp_path):
    file, folder = tmp_path / "evil.pth", tmp_path / "harm"
    torch.save(
        {"state_dict": {}, "meta": Payload(folder)},
        file,
        _use_new_zipfile_serialization=request.param,
    )
    return file, folder


def refuse(load, file, folder):
    with pytest.raises(CheckpointError, match=r"would need pickle.*`\w+\.mkdir`") as refusal:
        load(str(file))
    assert not folder.exists()
    assert file.name in str(refusal.value) and "trust" in str(refusal.value)


def load_into_model(name):
    return mmengine_load_checkpoint(nn.Linear(1, 1), name)


@pytest.mark.parametrize(
    "load", [load_checkpoint, load_into_model, CheckpointLoader.load_checkpoint]
)
@pytest.mark.parametrize("forbidden", [False, True])
def test_a_malicious_file_is_refused_and_runs_nothing(malicious, load, forbidden, monkeypatch):
    if forbidden:  # the widespread remedy for mmengine's own checkpoints must open no door
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    refuse(load, *malicious)
    torch.load(malicious[0], weights_only=False)
    assert malicious[1].exists()  # the file was harmful indeed


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Address of a web server for the files of `tmp_path`; downloads are kept apart."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_is_refused_or_loaded_like_a_file(malicious, served, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    file, folder = malicious
    refuse(lambda name: CheckpointLoader.load_checkpoint(f"{served}/{file.name}"), file, folder)
    torch.save({"state_dict": {"w": torch.ones(2)}}, tmp_path / "good.pth")
    loaded = CheckpointLoader.load_checkpoint(f"{served}/good.pth", map_location="cpu")
    assert torch.equal(loaded["state_dict"]["w"], torch.ones(2))
    with pytest.raises(CheckpointError, match=r"none\.pth cannot be fetched .*404"):
        CheckpointLoader.load_checkpoint(f"{served}/none.pth")
    with pytest.raises(KeyError, match="no_such_net"):
        CheckpointLoader.load_checkpoint("torchvision://no_such_net")
    # What the user set is as it was.
    assert os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_the_remedy_in_the_message_works(tmp_path):
    file = tmp_path / "it's old.pth"
    content = {"state_dict": {"w": torch.arange(3.0)}, "message_hub": HistoryBuffer([1.0], [1])}
    torch.save(content, file)
    with pytest.raises(CheckpointError) as refusal:
        load_checkpoint(file)
    command = str(refusal.value).splitlines()[1].strip().replace("python", sys.executable, 1)
    subprocess.run(command, shell=True, check=True, timeout=60)
    assert torch.equal(
        load_checkpoint(tmp_path / "it's old.plain.pth")["state_dict"]["w"], torch.arange(3.0)
    )


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_named(tmp_path, kept, legacy):
    file = tmp_path / "cut.pth"
    torch.save({"w": torch.randn(1000)}, file, _use_new_zipfile_serialization=not legacy)
    whole = file.read_bytes()
    assert load_checkpoint(file)["w"].shape == (1000,)
    file.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(CheckpointError, match=r"cut\.pth could not be read .*truncated"):
        load_checkpoint(file)


def test_other_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth does not exist"):
        load_checkpoint(tmp_path / "none.pth")
    page = tmp_path / "page.pth"
    page.write_text("<html>not found</html>")
    with pytest.raises(CheckpointError, match="another format"):
        load_checkpoint(page)
    for name in ("model.onnx", "model.pt2"):
        (tmp_path / name).write_bytes(b"exported")
        with pytest.raises(CheckpointError, match="is an exported network; expected a checkpoint"):
            load_checkpoint(tmp_path / name)
    torch.save(torch.ones(1), tmp_path / "tensor.pth")
    with pytest.raises(CheckpointError, match="holds a Tensor, expected a dict"):
        load_checkpoint(tmp_path / "tensor.pth")
