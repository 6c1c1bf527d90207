"""Printing configs: values, where they were set, and what differs."""

from __future__ import annotations

import ast
import json
import os

import numpy as np
import pytest
from mmengine.config import Config

from mtl_plugins.config import config_sources, final_config, leaves, load_config, print_config
from mtl_plugins.config.sources import assignments, line_of
from mtl_plugins.datasets.formats import LabelFormat
from mtl_plugins.errors import ConfigError, DataError
from tests.commands import call
from tests.config.test_config import BRANCHED, SHIPPED
from tests.conftest import ROOT

DATA = """\
size = (64, 128)
sizes = dict(height=64, width=128)
loader = dict(batch=8,
              workers=2, dataset=dict(root='a', **sizes))
"""
MODEL = """\
model = dict(
    head=dict(type='Old', a=1, b=2),
    rates=[1, 2],
    extra=dict(),
    steps=[dict(type='First'), dict(type='Second', p=0.5)])
"""
CHILD = """\
_base_ = ['data.py', 'model.py']
epochs, width = 4, 8
model = dict(
    head=dict(_delete_=True, type='New',
              a=3),
    rates=[3])
copied = {{_base_.loader.dataset}}
loader = dict(dataset={'root': 'b'}, workers=epochs)
if epochs > 3:
    long = dict(is_long=True)
squares = [dict(n=i) for i in range(2)]
both = dict(model['head'], b=width)
"""
EXPECTED = {
    "size": "data.py:1",
    "sizes.height": "data.py:2",
    "loader.batch": "data.py:3",
    "loader.workers": "child.py:8",
    "loader.dataset.root": "child.py:8",
    # From `**sizes`.
    "loader.dataset.height": "data.py:2",
    # Replaced as a whole by _delete_: b is gone.
    "model.head.type": "child.py:4",
    "model.head.a": "child.py:5",
    "model.rates": "child.py:6",
    "model.extra": "model.py:4",
    "model.steps.0.type": "model.py:5",
    "model.steps.1.type": "model.py:5",
    "model.steps.1.p": "--cfg-options",
    # Of a base's value the file with the expression, not that with the value.
    "copied.root": "child.py:7",
    "copied.height": "child.py:7",
    "epochs": "child.py:2",
    "width": "child.py:2",
    # Behind a condition there may be several.
    "long.is_long": "child.py",
    "squares.0.n": "child.py:11",
    "squares.1.n": "child.py:11",
    "both.type": "child.py:12",
    "both.b": "child.py:12",
}


@pytest.fixture
def chain(tmp_path, monkeypatch):
    for name, text in (("data.py", DATA), ("model.py", MODEL), ("child.py", CHILD)):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return "child.py"


def test_every_value_has_the_last_file_that_set_it(chain):
    sources = config_sources(chain, ["model.steps.1.p=0.7"])
    known = {key: str(source) for key, source in sources.items() if key in EXPECTED}
    assert known == EXPECTED
    config = Config.fromfile(chain)
    assert "b" not in config.model.head and "model.head.b" not in sources
    assert {name for name, _ in leaves(config.to_dict())} == {*sources}


def test_files_of_other_formats_are_sources_without_lines(chain, tmp_path):
    (tmp_path / "base.yaml").write_text("loader: {batch: 3, workers: 2}\n")
    assert str(config_sources("base.yaml")["loader.batch"]) == "base.yaml"
    (tmp_path / "top.py").write_text("_base_ = 'base.yaml'\nloader = dict(workers=1)\n")
    sources = config_sources("top.py")
    assert str(sources["loader.batch"]) == "base.yaml"
    assert str(sources["loader.workers"]) == "top.py:2"


# Of the ladder the longest chain.
@pytest.mark.parametrize(
    "path",
    [p for p in SHIPPED if "/ladder/" not in p or "b12" in p],
    ids=lambda p: os.path.relpath(p, ROOT),
)
def test_values_of_shipped_configs_are_in_the_line_of_their_source(path):
    sources = config_sources(path)
    known = dict(leaves(Config.fromfile(path).to_dict()))
    assert {*sources} == {*known}
    lines = {}
    for key, source in sources.items():
        if source.file not in lines:
            with open(source.file, encoding="utf-8") as file:
                lines[source.file] = file.read().splitlines()
        line = lines[source.file][source.line - 1]
        # A value that is not taken from a base or a variable as a whole is written in that line.
        name, value = key.split(".")[-1], repr(known[key])
        assert name in line or value in line or "{{_base_." in line or "*" in line


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a = dict(\n  b=1,\n  c=dict(d=2))", "a.c.d", 3),
        ("a = {'b':\n 1,\n **c}\nc = dict(\n x=1)", "a.x", 5),
        ("c = dict(x=1)\na = dict(\n **c,\n x=2)", "a.x", 4),  # the later one wins
        ("c = dict(x=1)\na = dict(x=2,\n **c)", "a.x", 1),
        ("c = dict(\n x=1)\na = c", "a.x", 2),
        ("a = [\n dict(x=1),\n dict(y=2)]", "a.1.y", 3),
        ("a = [\n *b,\n dict(y=2)]", "a.1.y", 1),  # as far as it can be read off
        ("a = f(\n x=1)", "a.x", 1),
        ("a = 1\na = 2", "a", None),
        ("a = 1\nfor a in b: pass", "a", None),
    ],
)
def test_lines(text, key, line):
    assert line_of(assignments(ast.parse(text)), key.split(".")) == line


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a = dict(b=1)", "c"),
        ("a = dict(b=1)", "a.c"),
        ("a = dict(b=dict(c=1), **d)\nd = dict(e=1)", "a.b.d"),
        ("a = [dict(b=1)]", "a.1.b"),
    ],
)
def test_a_file_may_not_set_a_key(text, key):
    with pytest.raises(KeyError):
        line_of(assignments(ast.parse(text)), key.split("."))


def test_the_whole_and_parts_are_printed_so_that_they_can_be_read_again(capsys, tmp_path):
    print_config(BRANCHED, ["train_cfg.max_epochs=7"])
    copy = tmp_path / "copy.py"
    copy.write_text(capsys.readouterr().out)
    config = final_config(BRANCHED, ["train_cfg.max_epochs=7"])
    assert load_config(str(copy)).to_dict() == config.to_dict()
    print_config(BRANCHED, key="model.backbone.output_stride")
    assert capsys.readouterr().out == "16\n"
    print_config(BRANCHED, key="model.backbone", as_json=True)
    assert json.loads(capsys.readouterr().out)["model_name"] == "resnet18"


def test_a_label_map_of_colours_is_the_same_after_json(tmp_path, capsys):
    colours = {(0, 0, 0): 255, (255, 200, 0): 1, (1, 2, 3): 0}
    path = tmp_path / "config.py"
    path.write_text(f"label_map = {colours}\nvalues = {{7: 0, 0: 1}}\n")
    print_config(str(path), as_json=True)
    printed = json.loads(capsys.readouterr().out)
    for written, given in (("label_map", colours), ("values", {7: 0, 0: 1})):
        ours, theirs = LabelFormat(2, printed[written]), LabelFormat(2, given)
        raw = np.array([*given]).reshape(1, len(given), -1).squeeze(-1 if written[0] == "v" else ())
        assert ours(raw).tolist() == theirs(raw).tolist() == [[*given.values()]]
    with pytest.raises(DataError, match="label_map has 'red'; expected a number or a colour"):
        LabelFormat(2, dict(red=0))


def test_sources_are_printed_in_columns_and_as_json(capsys):
    options, key = ["optim_wrapper.optimizer.lr=5"], "optim_wrapper"
    print_config(BRANCHED, options, key, source=True)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].split() == ["key", "value", "set", "in"]
    cells = [line.split() for line in lines[1:]]
    assert cells[-2] == ["optim_wrapper.optimizer.lr", "5", "--cfg-options"]
    name, value, where = cells[-1]
    assert (name, where) == ("optim_wrapper.constructor", "mtl_plugins")
    assert value == "'BalancedOptimWrapperConstructor'"
    assert len({line.index(row[2]) for line, row in zip(lines[1:], cells, strict=True)}) == 1
    print_config(BRANCHED, options, key, source=True, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["optim_wrapper.optimizer.lr"] == dict(value=5, file="--cfg-options", line=None)
    assert found["optim_wrapper.type"]["file"].endswith("schedules/epochs.py")
    assert found["optim_wrapper.type"]["line"] == 7


def test_differences(capsys):
    normals = os.path.join(ROOT, "configs", "mtl_normals.py")
    print_config(normals, key="model", other=BRANCHED, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "model.decode_head.task_heads.normals.type": dict(this="NormalsHead"),
        "model.decode_head.task_heads.normals.target.type": dict(this="direction"),
        "model.balancer.weights.normals": dict(this=0.5),
    }
    print_config(BRANCHED, ["train_cfg.max_epochs=9"], other=BRANCHED, source=True)
    _, row = capsys.readouterr().out.splitlines()
    key, value, where, other, there = row.split()
    assert (key, value, where, other) == ("train_cfg.max_epochs", "9", "--cfg-options", "4")
    assert there.endswith("mtl_branched.py:11")
    print_config(BRANCHED, other=BRANCHED)
    assert "are the same" in capsys.readouterr().out


def test_what_cannot_be_printed_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"model has no backbne\. Did you mean backbone\?"):
        print_config(BRANCHED, key="model.backbne")
    with pytest.raises(ConfigError, match=r"the config has no modle\. Did you mean model\?"):
        print_config(BRANCHED, key="modle.backbone")
    with pytest.raises(ConfigError, match=r"max_epochs is 4, which has no 1"):
        print_config(BRANCHED, key="train_cfg.max_epochs.1")
    lazy = tmp_path / "lazy.py"
    lazy.write_text("from mmengine.config import read_base\nwith read_base():\n    pass\n")
    with pytest.raises(ConfigError, match=r"read_base\(\)"):
        config_sources(str(lazy))


def test_command(command, capsys):
    key = "train_cfg.max_epochs"
    command("print_config.py", "configs/mtl_joint.py", "--source", "--key", key)
    assert capsys.readouterr().out.split()[-3:] == [key, "4", "configs/mtl_branched.py:11"]


def test_warnings_are_no_part_of_the_printed_values(monkeypatch):
    """Neither are mmengine's lines about the environment."""
    monkeypatch.setenv("LADDER_SIZE", "small")
    option = "default_hooks.checkpoint.interval=99"
    result = call(
        "print_config.py", "configs/ladder/b01_base.py", "--json", "--cfg-options", option
    )
    assert json.loads(result.stdout)["train_cfg"]["max_epochs"] == 3
    assert result.stderr.count("saves every 99 epochs") == 1
