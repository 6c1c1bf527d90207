"""Damaged checkpoints, configs, logs and results: an error that names them, or what they said.

FUZZ_ROUNDS=20 damages 20 times as many. JSON is damaged in two ways: some of its bytes, and whole
values that say something strange.
"""

from __future__ import annotations

import json
import math

import pytest
import torch
from mmengine.config import Config

from mtl_plugins.checkpoints import CheckpointError, load_checkpoint, write_safetensors
from mtl_plugins.config import load_config, parse_options, stored_config
from mtl_plugins.config.data import read_literals
from mtl_plugins.errors import ConfigError
from mtl_plugins.evaluation import Baselines
from mtl_plugins.report import Details, write_page
from mtl_plugins.report.run_record import read_run
from mtl_plugins.studies.ladder.runs import read_json
from mtl_plugins.visualization import load_maps
from tests.config.test_config import BRANCHED
from tests.datasets.mutations import damaged_texts, outcomes, strange_texts, text_outcomes
from tests.evaluation.test_baselines import FILE, METRICS
from tests.report.report_runs import write_run

pytestmark = [
    # What parsers think of damaged text.
    pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:TypedStorage"),
]


def state():
    """A small checkpoint."""
    generator = torch.Generator().manual_seed(0)
    weights = {f"layer.{i}": torch.randn(3, 2, generator=generator) for i in range(4)}
    return dict(
        meta=dict(cfg="model = dict(type='A')", epoch=1, seen=[1.5, "a", None]),
        state_dict=weights,
        optimizer=dict(state={0: dict(step=torch.tensor(1.0))}),
    )


def is_whole(found):
    expected = state()
    return found["meta"] == expected["meta"] and all(
        torch.equal(found["state_dict"][name], value)
        for name, value in expected["state_dict"].items()
    )


def test_a_damaged_checkpoint_is_an_error_or_what_it_was(tmp_path):
    path = tmp_path / "a.pth"
    torch.save(state(), path)
    found = [*outcomes(path.read_bytes(), path, load_checkpoint, rounds=500)]
    read = [checkpoint for checkpoint in found if checkpoint is not None]
    assert all(map(is_whole, read))
    # Between an archive's parts there are bytes that mean nothing.
    assert 0 < len(read) < len(found) / 5


def test_a_part_that_is_marked_as_a_folder_is_not_left_unread(tmp_path):
    """torch would take whatever was in memory for its numbers."""
    path = tmp_path / "a.pth"
    torch.save(state(), path)
    data = bytearray(path.read_bytes())
    part = data.rindex(b"a/data/0")  # in the archive's directory
    data[part - 46 + 38] |= 0x10
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"a\.pth could not be read \(a/data/0 is marked"):
        load_checkpoint(path)


def test_damaged_safetensors_are_an_error_or_what_they_were(tmp_path):
    path = tmp_path / "a.safetensors"
    write_safetensors(state()["state_dict"], state()["meta"], str(path))
    found = [*outcomes(path.read_bytes(), path, load_checkpoint, rounds=300)]
    wrong = [checkpoint for checkpoint in found if checkpoint and not is_whole(checkpoint)]
    # Damage in several places may hit the checksum's own name, as in a file of somebody else.
    assert len(wrong) < len(found) / 100


def test_a_damaged_checkpoint_of_old_is_an_error_or_a_dict(tmp_path):
    """The format before torch 1.6 has no checksums."""
    path = tmp_path / "a.pth"
    torch.save(state(), path, _use_new_zipfile_serialization=False)
    for found in outcomes(path.read_bytes(), path, load_checkpoint, rounds=400):
        assert found is None or isinstance(found, dict)


def python(values):
    """Values as mmengine writes configs."""
    if not isinstance(values, dict):
        return repr(values)
    return "\n".join(f"{name} = {value!r}" for name, value in values.items())


CONFIG = "a = 1\nb = dict(x=[1, -2.5, (None, 'text', True)], y={'k': 1e-3, 2: inf})\n"


def test_damaged_config_text_is_refused_with_its_line_or_is_plain_values():
    texts, refused = [*damaged_texts(CONFIG, 2000)], 0
    for text in texts:
        try:
            values = read_literals(text)
        except ValueError:
            refused += 1
        else:
            assert_plain(values)
    assert refused > len(texts) / 2


def assert_plain(value):
    if isinstance(value, (dict, list, tuple)):
        for item in [*value, *(value.values() if isinstance(value, dict) else ())]:
            assert_plain(item)
    else:
        kinds = (type(None), bool, int, float, complex, str, bytes, type(...))
        assert isinstance(value, kinds)


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5000, "x = " + "-" * 5000 + "1", "x = \0", "x = 'a", "x = " + "9" * 5000],
)
def test_hostile_config_text_is_refused(text):
    with pytest.raises(ValueError, match=r"line|deep|null"):
        read_literals(text)


OPTIONS = ["model.a=[(1, 2), 'x', 3]", "x=1,2,3", "a.b=(1, [2.5, None])", "k='a, b'", "p=/a b (1)"]


def test_damaged_options_are_refused_or_plain_values():
    for option in OPTIONS:
        for values in text_outcomes(damaged_texts(option, 300), lambda o: parse_options([o])):
            assert values is None or len(values) == 1
            assert_plain(values)
    with pytest.raises(ConfigError, match="nested too deep"):
        parse_options(["x=" + "[" * 5000 + "]" * 5000])


@pytest.mark.parametrize("suffix", ["json", "yaml", "py"])
def test_strange_configs_that_are_data_are_refused_or_checked(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    values = load_config(BRANCHED, []).to_dict()
    # YAML of all of it takes long to parse.
    keys = [*values] if suffix == "json" else ("train_dataloader", "optim_wrapper", "val_cfg")
    values = json.loads(json.dumps({key: values[key] for key in keys}))
    write = python if suffix == "py" else json.dumps  # which is YAML as well

    def read(text):
        path.write_text(text, encoding="utf-8", errors="replace")
        return load_config(str(path), safe=True)

    texts = [*damaged_texts(write(values), 100), *strange_texts(values, write, 150)]
    found = [*text_outcomes(texts, read)]
    assert all(config is None or isinstance(config, Config) for config in found)
    assert len(found) / 20 < found.count(None) < len(found) * 0.9


def test_strange_stored_configs_are_refused_or_of_known_parts():
    config = load_config(BRANCHED, []).to_dict()
    config = {key: config[key] for key in ("model", "test_dataloader", "custom_imports")}

    def read(text):
        return stored_config(dict(meta=dict(cfg=text), state_dict={}), "a.pth")

    texts = [*damaged_texts(python(config), 300), *strange_texts(config, python, 1200)]
    found = [*text_outcomes(texts, read, "a.pth")]
    read = [config for config in found if config is not None]
    assert all(isinstance(config, Config) and set(config.model) for config in read)
    assert len(found) / 15 < len(read) < len(found) * 4 / 5


def test_strange_baselines_are_refused_or_numbers(tmp_path):
    path = tmp_path / "baselines.json"
    FILE.write(str(path))
    content = path.read_text()

    def read(text):
        path.write_text(text)
        found = Baselines.read(str(path))
        # A file may lack a task that it once had: then this says so.
        tasks = {task.split("/")[0] for task in found.tasks}
        return found.delta_m({k: v for k, v in METRICS.items() if k.split("/")[0] in tasks})

    texts = [*damaged_texts(content, 150), *strange_texts(json.loads(content), json.dumps, 450)]
    for gains in text_outcomes(texts, read):
        assert gains is None or all(isinstance(gain, float) for gain in gains.values())


def test_strange_results_of_a_study_count_as_not_there(tmp_path):
    path = tmp_path / "run.json"
    text = json.dumps(dict(FUZZ=[1, dict(a=None)]))
    for each in [*damaged_texts(text, 400), "[" * 100_000, "\0", '{"a": 1' + "0" * 400 + "}"]:
        path.write_text(each)
        assert isinstance(read_json(str(path)), (dict, type(None)))


@pytest.fixture
def run(tmp_path):
    """A work dir of a run with everything that a report reads."""
    folder = tmp_path / "run"
    write_run(
        folder, {"semseg/mIoU": 70.0, "depth/si_log_rmse": 20.0},
        model=dict(balancer=dict(type="FixedWeights", weights=dict(semseg=0.5))),
        train_dataloader=dict(batch_size=4),
    )  # fmt: skip
    return folder


def logged(rows):
    return "\n".join(map(json.dumps, rows if isinstance(rows, list) else [rows]))


def contents(run):
    """Each text that a report reads, as a value, and how it is written."""
    scalars, config = (next(run.rglob(name)) for name in ("scalars.json", "config.py"))
    rows = [json.loads(line) for line in scalars.read_text().splitlines()]
    return {
        scalars: (rows, logged),
        config: (Config.fromfile(config).to_dict(), python),
        run / "summary.json": (json.loads((run / "summary.json").read_text()), json.dumps),
        Details.path(run): (json.loads(Details.path(run).read_text()), json.dumps),
    }


def test_a_run_is_read_whatever_its_files_say(run):
    for path, (value, write) in contents(run).items():
        whole = path.read_text()
        for text in [*damaged_texts(whole, 100), *strange_texts(value, write, 150), "[" * 100_000]:
            path.write_text(text, encoding="utf-8", errors="replace")
            record = read_run(run, "run")
            assert all(isinstance(v, (int, float)) for v in record.metrics.values())
            assert all(math.isfinite(entry.iteration) for entry in record.history.training)
        path.write_text(whole)


def test_a_page_is_written_whatever_the_files_say(run, tmp_path, capsys):
    page = tmp_path / "report.html"
    gallery = [(path, path.read_bytes()) for path in Details.gallery(run).iterdir()]
    for path, (value, write) in contents(run).items():
        whole = path.read_text()
        for text in strange_texts(value, write, 8):
            path.write_text(text, encoding="utf-8", errors="replace")
            write_page([str(run)], str(page))
            assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
        path.write_text(whole)
    for path, data in gallery:
        for found in outcomes(data, path, lambda _: write_page([str(run)], str(page)), "", 4):
            assert found is None
        path.write_bytes(data)


def test_damaged_maps_are_an_error_or_what_they_were(run):
    path = next(run.rglob("*.npz"))
    original = load_maps(path.with_suffix(""))

    def read(_):
        return load_maps(path.with_suffix(""))

    for maps in outcomes(path.read_bytes(), path, read, rounds=500):
        for kind, found in (maps or {}).items():
            for part in ("truth", "prediction"):
                values = getattr(found, part)
                # What the archive's directory does not list any more is not there.
                assert values is None or (values == getattr(original[kind], part)).all()
