"""`--help` of every command: within a second, from any folder, with an example at its end."""

from __future__ import annotations

import glob
import os
import re
import resource
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TOOLS = sorted(
    os.path.relpath(path, os.path.join(ROOT, "tools"))
    for folder in ("", "dev/commands")
    for path in glob.glob(os.path.join(ROOT, "tools", folder, "*.py"))
    if os.path.basename(path) not in ("arguments.py", "tools_path.py")
)
HEAVY = {"torch", "mmengine", "mmcv", "mmseg", "timm", "cv2", "matplotlib", "numpy", "mtl_plugins"}


def help_of(tool, folder):
    """Call a command in a folder; return its output, the imported packages and the CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-X", "importtime", os.path.join(ROOT, "tools", tool), "--help"],
        capture_output=True, text=True, cwd=folder, timeout=60,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr
    # import time: self [us] | cumulative | imported package
    imported = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result.stdout, {name.split(".")[0] for name in imported}, seconds


def test_there_are_commands():
    assert {"train.py", "test.py", "browse_data.py", "dev/commands/soak.py"} <= {*TOOLS}


@pytest.mark.parametrize("tool", TOOLS)
def test_help_answers_at_once_and_ends_with_an_example(tool, tmp_path):
    text, imported, seconds = help_of(tool, tmp_path)
    assert "argparse" in imported and not imported & HEAVY
    # The quicker one of two calls: the first may have to read the interpreter from the disk.
    assert min(seconds, help_of(tool, tmp_path)[2] if seconds >= 1 else seconds) < 1
    _, found, example = text.partition("\nexample:\n")
    assert found and re.match(rf"  (\w+=\S+ )*python tools/{tool} ", example)
    # The end of the help holds only commands and their continued lines.
    assert all(re.match(r"  (\w+=\S+ )*python |      ", line) for line in example.splitlines())


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_shows_that_imports_take_time(monkeypatch, capsys, is_terminal):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tools"))
    from arguments import command_parser

    from mtl_plugins.utils import run_command

    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    command_parser("text", "example").parse_args([])
    assert capsys.readouterr().err == ("loading ...\r" if is_terminal else "")
    assert run_command(lambda: 3) == 3
    assert capsys.readouterr().err == ("\033[2K\r" if is_terminal else "")


@pytest.mark.parametrize(
    ("tool", "arguments", "hint"),
    [
        ("train.py", ["a.py", "--resum"], None),  # an abbreviation
        ("train.py", ["a.py", "--wrk-dir", "x"], "Did you mean --work-dir?"),
        ("train.py", ["a.py", "--epochs", "4"], "See --help."),
        ("train.py", ["a.py", "lr=1"], "Did you mean --cfg-options lr=...?"),
        ("predict.py", ["a.pth", "a.png", "--cfg-option=a=1", "--ot", "x"], "Did you mean --out?"),
    ],
)
def test_unknown_arguments_are_answered_with_the_nearest(tool, arguments, hint, monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "tools"))
    result = subprocess.run(
        [sys.executable, os.path.join(ROOT, "tools", tool), *arguments],
        capture_output=True, text=True, timeout=60, env=dict(os.environ, PYTHONPATH=ROOT),
    )  # fmt: skip
    if hint is None:
        assert "unrecognized" not in result.stderr
    else:
        assert result.returncode == 2 and result.stderr.strip().endswith(hint)


def test_an_error_of_the_system_is_printed_with_its_path(tmp_path, capsys):
    from mtl_plugins.engine import train
    from mtl_plugins.utils import run_command

    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SystemExit):
        run_command(os.listdir, file)
    assert capsys.readouterr().err == f"\nerror: {file}: Not a directory.\n"
    with pytest.raises(SystemExit):
        run_command(train, os.path.join(ROOT, "configs/mtl_branched.py"), work_dir=str(file))
    assert f"error: The work dir {file} cannot be made: File exists." in capsys.readouterr().err
    with pytest.raises(OSError, match="of no file"):
        run_command(_fail)


def test_a_missing_tensorboard_is_reported_before_anything_is_built(tmp_path, monkeypatch):
    from mtl_plugins.engine import run, train
    from mtl_plugins.errors import ConfigError

    monkeypatch.setattr(run, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="TensorBoard, which is not installed"):
        train(os.path.join(ROOT, "configs/mtl_branched.py"), work_dir=str(tmp_path))


def _fail():
    raise OSError("of no file")
