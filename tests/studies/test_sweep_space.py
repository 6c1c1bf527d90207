"""Search spaces, and the errors before anything is trained."""

from __future__ import annotations

import importlib
import os
import sys

import pytest
from optuna.trial import FixedTrial

import mtl_plugins.studies.sweep
from mtl_plugins.config import load_config
from mtl_plugins.errors import ConfigError
from mtl_plugins.studies.sweep import check_space, load_space, run_sweep
from tests.conftest import ROOT
from tests.studies.sweeps import CONFIG, GRID, LINE, SCRIPT, sweep_of, work

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return str(path)


MISTAKES = {
    "metric = 1": "no function space",
    "def space(:": "SyntaxError",
    LINE + "direction = 'up'": "Give both",
    LINE + "metric = 'semseg/mIuO'": "Did you mean semseg/mIoU",
    LINE + "metric = None": "Give both",
    LINE + "directon = 'minimize'": "Did you mean direction",
    LINE + "pairs = [('rate', 'size')]": "out of rate",
    LINE + "seeds = (1, 1)": "expected different numbers",
    LINE + "sampler = 'tpe'": "sampler",
    LINE + "pruner = 'median'": "optuna.pruners",
    LINE.replace("lr'", "lrr'"): "lrr: Adam has no such argument. Did you mean lr",
    LINE.replace("suggest_float", "suggest_flaot"): "AttributeError",
    "def space(trial): return {'optim_wrapper.optimizer.type': 'Admm'}": "Did you mean Adam",
    "def space(trial): return {'optim_wraper.optimizer.lr': 1}": "Did you mean optim_wrapper",
    "def space(trial): return {'train_cfg.max_epochs': trial}": "cannot be passed",
    "def space(trial): return 1": "expected a dict",
}


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_in_a_search_space_are_found_before_anything_is_trained(tmp_path, text):
    with pytest.raises(ConfigError, match=MISTAKES[text]):
        run_sweep(sweep_of(tmp_path, text), str(tmp_path / "nowhere.py"))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_other_mistakes_are_found_before_anything_is_trained(tmp_path, script):
    with pytest.raises(ConfigError, match="There is no search space"):
        load_space("nowhere.py", load_config(CONFIG))
    for options in (dict(trials=0), dict(seed=-1), dict(heartbeat=0)):
        with pytest.raises(ConfigError, match=f"--{next(iter(options))}"):
            sweep_of(tmp_path, LINE, **options)
    with pytest.raises(ConfigError, match="--jobs 0"):
        run_sweep(sweep_of(tmp_path, LINE), script, jobs=0)
    for url, problem in {
        "nonsense": "'nonsense'.*Expected a URL",
        "oracle9://host": "oracle9.*driver to be installed",
        "sqlite:////nowhere/at/all.db": "unable to open",
    }.items():
        with pytest.raises(ConfigError, match=problem):
            run_sweep(sweep_of(tmp_path, LINE, storage=url), script)
    with pytest.raises(ConfigError, match="There is no study"):
        run_sweep(sweep_of(tmp_path, LINE), None)
    assert not (tmp_path / "out" / "sweep.db").exists()
    work(sweep_of(tmp_path, LINE, trials=1), script)
    with pytest.raises(ConfigError, match="started with another search space"):
        run_sweep(sweep_of(tmp_path, GRID), script)
    with pytest.raises(ConfigError, match=r"started with options=\[\], not \['train_cfg"):
        run_sweep(sweep_of(tmp_path, LINE, options=["train_cfg.max_epochs=7"]), script)
    os.remove(tmp_path / "out" / "sweep.db")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"holds 1 trials of another study.*trial_0000"):
            run_sweep(sweep_of(tmp_path, LINE, trials=2), script)


def test_a_score_needs_its_metric(tmp_path):
    space = sweep_of(tmp_path, LINE).space
    with pytest.raises(ConfigError, match=r"no metric 'semseg/mIoU'. It has depth/rmse"):
        space.score({"depth/rmse": 1})


def test_the_default_metric_is_that_of_the_best_checkpoint(tmp_path):
    path = tmp_path / "space.py"
    path.write_text(LINE.replace("metric, direction", "_unused, _also"))
    shown = [
        (space.metric, space.direction)
        for name in ("mtl_branched", "single_depth")
        for space in [load_space(str(path), load_config(f"{ROOT}/configs/{name}.py"))]
    ]
    assert shown == [("multitask/score", "maximize"), ("depth/si_log_rmse", "minimize")]


def test_declared_targets_are_measured(tmp_path):
    path = tmp_path / "space.py"
    config = load_config(f"{ROOT}/configs/mtl_label_sets.py")
    path.write_text(LINE.replace("semseg/mIoU", "mobility/mIoU"))
    assert load_space(str(path), config).metric == "mobility/mIoU"
    path.write_text(LINE.replace("semseg/mIoU", "mobility/mIuO"))
    with pytest.raises(ConfigError, match="Did you mean mobility/mIoU"):
        load_space(str(path), config)


def test_the_shipped_space_fits_the_default_config():
    path = os.path.join(ROOT, "configs", "sweeps", "report_a.py")
    space = load_space(path, load_config(CONFIG))
    check_space(space, CONFIG, [])
    assert space.score({"semseg/mIoU": 20.0, "depth/si_log_rmse": 30.0}) == -10
    options = space.options(
        FixedTrial(dict(optimizer="SGD", learning_rate=1e-4, semseg_weight=0.67, batch_size=8))
    )
    config = load_config(CONFIG, options)
    assert config.optim_wrapper.optimizer == dict(type="SGD", lr=1e-4, momentum=0.9)
    assert config.model.balancer.weights == dict(semseg=0.67, depth=0.33)


def test_the_error_for_a_missing_package_has_the_command_that_installs_it(monkeypatch):
    for name in ("optuna", "sklearn"):
        with monkeypatch.context() as patch, pytest.raises(ImportError, match=f"need {name}.*pip"):
            patch.setitem(sys.modules, name, None)
            importlib.reload(mtl_plugins.studies.sweep)
