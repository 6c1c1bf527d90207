"""What a run loads and resumes: how much arrives, and what a checkpoint may not overrule."""

from __future__ import annotations

import pytest
import torch

from mtl_plugins import build
from mtl_plugins.checkpoints import CheckpointError, load_checkpoint
from mtl_plugins.engine import evaluate, train
from mtl_plugins.errors import WeightsError
from tests.engine.tiny_run import tiny_config

EMA = dict(type="EMAHook", momentum=0.3)
ONE = "train_cfg.max_epochs=1"


def unvalidated(scene_options, *options, hooks=()):
    config = tiny_config(scene_options, *options, hooks=hooks)
    config.update(dict.fromkeys(("val_dataloader", "val_cfg", "val_evaluator")))
    config.default_hooks.checkpoint.update(save_best=None)
    return config


def logged(folder):
    return "".join(path.read_text() for path in sorted(folder.glob("*/*.log")))


@pytest.fixture(scope="module")
def weights(scene_options):
    return build(tiny_config(scene_options), pretrained=False).state_dict()


CHANGES = dict(
    all=(lambda w: w, 153, ""),
    encoder=(lambda w: {k: v for k, v in w.items() if k.startswith("backbone")}, 75, "are missing"),
    classes=(
        lambda w: {k: torch.cat([v, v]) if "semseg.predict" in k else v for k, v in w.items()},
        151, "2 weights have another shape: decode_head.task_heads.semseg.predict.weight",
    ),
    of_ddp=(lambda w: {f"module.{k}": v for k, v in w.items()}, 153, ""),
    with_more=(lambda w: dict(w, more=torch.ones(2)), 153, ""),
)  # fmt: skip


@pytest.mark.parametrize("hooks", [[], [EMA]])
@pytest.mark.parametrize("change", CHANGES)
def test_load_from_says_how_much_arrives(change, hooks, weights, scene_options, tmp_path, capfd):
    changed, count, says = CHANGES[change]
    torch.save(dict(state_dict=changed(weights)), tmp_path / "w.pth")
    options = [ONE, f"load_from={tmp_path}/w.pth", "optim_wrapper.optimizer.lr=0.0"]
    runner = train(unvalidated(scene_options, *options, hooks=hooks), str(tmp_path / "run"))
    [line] = [
        each for each in logged(tmp_path / "run").splitlines() if "weights of the model" in each
    ]
    assert f"{count} of 153 weights of the model loaded from {tmp_path}/w.pth" in line
    assert says in line and len(line) < 900
    assert "do not match exactly" not in capfd.readouterr().out
    found = runner.model.state_dict()
    name = "backbone.model.conv1.0.weight"
    assert torch.equal(found[name], weights[name])


@pytest.mark.parametrize("hooks", [[], [EMA]])
@pytest.mark.parametrize("content", [{}, {f"alien.{i}": torch.ones(3) for i in range(40)}])
def test_nothing_that_arrives_is_an_error(content, hooks, scene_options, tmp_path):
    torch.save(content, tmp_path / "w.pth")
    config = unvalidated(scene_options, f"load_from={tmp_path}/w.pth", hooks=hooks)
    with pytest.raises(WeightsError, match=r"None of the 153 weights of the model is in .*w\.pth"):
        train(config, str(tmp_path / "run"))
    assert not [*tmp_path.glob("run/*.pth")]


@pytest.fixture(scope="module")
def averaged(scene_options, tmp_path_factory):
    """The folder of a run of an epoch with averaged weights."""
    folder = tmp_path_factory.mktemp("averaged")
    train(unvalidated(scene_options, ONE, hooks=[EMA]), str(folder), seed=3)
    return folder


def test_averaged_weights_are_tested_with_their_own_config_too(averaged, scene_options, tmp_path):
    """mmengine's hook makes its average before a run, which is after an early loading."""
    path = str(averaged / "epoch_1.pth")
    found = [
        evaluate(tiny_config(scene_options, hooks=hooks), path, str(tmp_path))
        for hooks in ([EMA], [])
    ]
    assert found[0] == found[1]


def test_a_run_without_the_average_goes_on_from_the_trained_weights(
    averaged, scene_options, tmp_path
):
    path = averaged / "epoch_1.pth"
    stored = load_checkpoint(path)
    options = ["train_cfg.max_epochs=2", "optim_wrapper.optimizer.lr=0.0"]
    runner = train(unvalidated(scene_options, *options), str(tmp_path), resume=str(path))
    assert "holds averages of an EMAHook, which the config does not have" in logged(tmp_path)
    name = "backbone.model.conv1.0.weight"
    trained = stored["ema_state_dict"][f"module.{name}"]
    assert torch.equal(runner.model.state_dict()[name], trained)
    assert not torch.equal(trained, stored["state_dict"][name])


@pytest.mark.parametrize("hooks", [[], [EMA]])
def test_a_run_resumes_from_no_other_network(hooks, averaged, scene_options, tmp_path):
    option = "model.decode_head.decoder.channels=9"
    with pytest.raises(CheckpointError, match=r"epoch_1\.pth are not those of .* another shape"):
        train(
            unvalidated(scene_options, option, hooks=hooks), str(tmp_path),
            resume=str(averaged / "epoch_1.pth"),
        )  # fmt: skip


def test_the_best_of_another_metric_begins_anew(scene_options, tmp_path):
    config = tiny_config(scene_options, ONE)
    train(config, str(tmp_path), seed=3)
    [before] = tmp_path.glob("best_*.pth")
    train(tiny_config(scene_options, ONE), str(tmp_path), resume="auto")
    assert "best score begins anew" not in logged(tmp_path)
    config = tiny_config(scene_options, "train_cfg.max_epochs=2")
    config.default_hooks.checkpoint.update(save_best="depth/rmse", rule="less")
    train(config, str(tmp_path), resume="auto")
    assert "now that of depth/rmse (less), and was that of multitask/score" in logged(tmp_path)
    assert before.exists() and (tmp_path / "best_depth_rmse_epoch_2.pth").exists()


def test_a_config_that_resumes_goes_on(averaged, scene_options, tmp_path):
    options = ["train_cfg.max_epochs=2", "resume=True", f"load_from={averaged}/epoch_1.pth"]
    assert train(unvalidated(scene_options, *options, hooks=[EMA]), str(tmp_path)).iter == 6
    assert "resumed epoch: 1, iter: 3" in logged(tmp_path)


def test_a_run_says_that_it_overwrites_another(scene_options, tmp_path, capfd):
    torch.save({}, tmp_path / "epoch_7.pth")
    train(unvalidated(scene_options, ONE), str(tmp_path))
    assert "holds checkpoints of an earlier run, such as epoch_7.pth" in capfd.readouterr().out


def test_weights_of_an_encoder_alone_belong_into_pretrained(weights, scene_options, tmp_path):
    prefix, path = "backbone.model.", str(tmp_path / "timm.pth")
    encoder = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    torch.save(encoder, path)
    with pytest.raises(WeightsError, match=f"write model.backbone.pretrained={path!r}"):
        train(unvalidated(scene_options, f"load_from={path}"), str(tmp_path / "run"))


def test_the_text_that_names_a_checkpoint_is_none(tmp_path):
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_1.pth"))
    with pytest.raises(CheckpointError, match="Give the file that it names"):
        load_checkpoint(str(tmp_path / "last_checkpoint"))
