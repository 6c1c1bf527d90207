"""Configs that are data mean what Python ones mean, and run nothing."""

from __future__ import annotations

import json
import os

import pytest
from mmengine.config import Config

from mtl_plugins.config import load_config, print_config
from mtl_plugins.config.data import read_data_config
from mtl_plugins.errors import ConfigError
from tests.config.test_config import BRANCHED, SHIPPED
from tests.engine.tiny_run import run, tiny_config

JSON = json.dumps(load_config(BRANCHED).to_dict())


def with_lists(value):
    """Return a value as JSON keeps it."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("suffix", ["json", "yaml", "py"])
def test_a_dumped_config_is_read_as_it_was(tmp_path, suffix):
    """mmengine dumps tuples to YAML and Python, not to JSON."""
    expected = load_config(BRANCHED)
    expected.dump(tmp_path / f"dumped.{suffix}")
    found = load_config(str(tmp_path / f"dumped.{suffix}"), safe=True).to_dict()
    keep = with_lists if suffix == "json" else dict
    assert found == keep(expected.to_dict())


@pytest.mark.parametrize("path", SHIPPED, ids=os.path.basename)
def test_every_shipped_config_passes_the_check_as_json(tmp_path, path):
    (tmp_path / "config.json").write_text(json.dumps(load_config(path).to_dict()))
    assert load_config(str(tmp_path / "config.json")).model.type == "MultiTaskSegmentor"


def test_a_printed_config_trains(tmp_path, scene_options, capsys):
    """JSON has no tuples; nothing of the shipped configs needs them."""
    config = tiny_config(scene_options, "train_cfg.max_epochs=1")
    config.dump(tmp_path / "config.py")
    print_config(str(tmp_path / "config.py"), as_json=True, safe=True)
    (tmp_path / "config.json").write_text(capsys.readouterr().out)
    read = load_config(str(tmp_path / "config.json"))
    code, output = run(read, tmp_path / "run")
    assert code == 0, output
    assert (tmp_path / "run" / "epoch_1.pth").exists()


def test_options_and_sources_work_with_data(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(JSON)
    config = load_config(str(path), ["model.backbone.model_name=resnet50"])
    assert config.model.backbone.model_name == "resnet50"
    print_config(str(path), key="model.backbone.type", source=True)
    assert "config.json" in capsys.readouterr().out


HOSTILE = {
    "call.yaml": ("!!python/object/apply:os.mkdir [{harm}]", "cannot be read as data"),
    "nested.yml": ("model: !!python/name:os.mkdir", "cannot be read as data"),
    "statement.py": ("import os\nos.mkdir('{harm}')", "'import os' is no plain value"),
    "base.json": ('{{"_base_": "harm.py"}}', "has a _base_"),
    "type.json": (
        '{{"model": {{"type": "os.mkdir", "path": "{harm}"}}}}',
        r"model\.type='os\.mkdir' names an import path",
    ),
    "listed.json": ('{{"a": [[{{"type": "os.mkdir"}}]]}}', r"a\.0\.0\.type"),
    "constructor.json": (
        '{{"optim_wrapper": {{"constructor": "harm.Harm"}}}}',
        r"optim_wrapper\.constructor='harm\.Harm' names an import path",
    ),
    "scope.json": ('{{"default_scope": "harm"}}', "is none of mmseg"),
    "inner scope.json": ('{{"model": {{"_scope_": "harm"}}}}', r"model\._scope_='harm'"),
    "imports.json": ('{{"custom_imports": {{"imports": ["harm"]}}}}', "imports more than"),
    "import.json": ('{{"custom_imports": "harm"}}', "imports more than"),
    "evaluated.json": (
        '{{"custom_hooks": [{{"type": "RFSearchHook", "config": {{"search": "{harm}"}}}}]}}',
        "executes text",
    ),
    "empty.yaml": ("", "NoneType, expected keys"),
    "list.json": ("[1]", "list, expected keys"),
    "key.yaml": ("1.5: a", "the key 1.5, expected a name"),
    "deep.json": ('{{"a": ' + "[" * 100_000 + "]" * 100_000 + "}}", "cannot be read as data"),
    "levels.json": ('{{"a": ' + "[" * 200 + "]" * 200 + "}}", "100 levels"),
    "endless.yaml": ("a: &a [*a]", "100 levels"),
    "cut.json": (JSON[:500].replace("{", "{{").replace("}", "}}"), "cannot be read as data"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_broken_data_is_refused(tmp_path, monkeypatch, name):
    harm = tmp_path / "harm"
    text, message = HOSTILE[name]
    (tmp_path / "harm.py").write_text(f"import os; os.mkdir({str(harm)!r})")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / name).write_text(text.format(harm=harm))
    with pytest.raises(ConfigError, match=message):
        load_config(str(tmp_path / name), safe=name.endswith(".py"))
    assert not harm.exists()


def test_mmengine_would_have_run_them(tmp_path):
    """The tests above would see it: mmengine's own reading makes the folder."""
    harm = tmp_path / "harm"
    (tmp_path / "call.yaml").write_text(f"a: !!python/object/apply:os.mkdir [{harm}]")
    with pytest.raises(Exception):  # the second time that it does so  # noqa: B017
        Config.fromfile(tmp_path / "call.yaml")
    assert harm.exists()


def test_few_lines_do_not_become_many_values(tmp_path):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(12)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="100000 values"):
        load_config(str(tmp_path / "bomb.yaml"))


def test_numbers_of_yaml_need_no_point(tmp_path):
    (tmp_path / "lr.yaml").write_text("{a: 1e-3, b: -2E4, c: 1.5e+2, d: 1e-3x, e: '1e-3'}")
    values = read_data_config(str(tmp_path / "lr.yaml"))
    assert values == dict(a=0.001, b=-20000.0, c=150.0, d="1e-3x", e="1e-3")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_data_may_come_from_any_editor(tmp_path, capsys, encoding, suffix):
    path = str(tmp_path / f"config.{suffix}")
    with open(path, "w", encoding=encoding, newline="") as file:
        file.write(JSON.replace("\n", "\r\n"))
    assert load_config(path).to_dict() == json.loads(JSON)
    print_config(path, key="model.backbone.type", source=True)
    assert f"config.{suffix}" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_python_in_another_encoding_is_refused_with_a_remedy(tmp_path, encoding):
    (tmp_path / "config.py").write_text("name = 'ü'\n", encoding=encoding)
    with pytest.raises(ConfigError, match="as UTF-8 without a byte order mark"):
        load_config(str(tmp_path / "config.py"))


def test_what_is_not_text_is_refused(tmp_path):
    (tmp_path / "config.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ConfigError, match="cannot be read as data"):
        load_config(str(tmp_path / "config.json"))
