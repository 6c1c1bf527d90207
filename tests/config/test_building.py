"""Plain values of the wrong kind: refused in one paragraph that names their place."""

from __future__ import annotations

import logging

import pytest
from mmengine.logging import MMLogger
from mmseg.registry import HOOKS, MODELS

from mtl_plugins.config import build, build_dataset, building, final_config, leaves, load_config
from mtl_plugins.errors import ConfigError, MTLError
from tests.config.test_config import BRANCHED

TINY = (
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
    "model.decode_head.decoder.skip_channels=4",
)
VALUES = ("None", "text", "-1", "{}", "[3]", "2.5", "True")


@pytest.fixture(scope="module")
def config(scene_options):
    return load_config(BRANCHED, [*TINY, *scene_options])


def keys(config):
    """The keys of all values that the runner reads, and of the parts that hold them."""
    values = [key for key, _ in leaves(final_config(config).to_dict())]
    parts = {key.rsplit(".", depth)[0] for key in values for depth in (1, 2, 3)}
    variables = ("data_root", "scenes", "dataset", "train_pipeline", "test_pipeline")
    return [key for key in sorted({*values, *parts}) if key.split(".")[0] not in variables]


@pytest.fixture
def quiet():
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("quiet")
def test_any_value_works_or_is_refused_in_one_paragraph(config):
    """Perturb every key; each value of a model builds as few networks as find a fault."""
    refused = 0
    for number, key in enumerate(keys(config)):
        # Two of the values for each key, all of them over the keys.
        for value in (VALUES[number % len(VALUES)], VALUES[(3 * number + 2) % len(VALUES)]):
            try:
                final = final_config(config, [f"{key}={value}"])
                if key.startswith("model.") and number % 3 == 0:
                    build(final, pretrained=False)
                elif key.startswith("train_dataloader.dataset.pipeline"):
                    build_dataset(final, "val")
                elif key.startswith("default_hooks"):
                    with building(final):
                        for hook in final.default_hooks.values():
                            HOOKS.build(hook) if hook else None
            except MTLError as error:
                refused += 1
                assert "\n" not in str(error), (key, value)
            except Exception as error:
                raise AssertionError(f"{key}={value}: {error!r}") from error
    assert refused > 100


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model.decode_head.decoder=None", r"decode_head = BranchedHead\(decoder=None.*mapping"),
        ("model.backbone.model_name=3", "expected text, which an option has in quotes"),
        ("model.balancer.type=LossBalancer", r"balancer = LossBalancer\(\).*'scalarizer'"),
        ("model.backbone=None", "expected a dict with a type, such as dict"),
        ("model.decode_head.decoder.channels=many", "channels='many'; expected a whole number"),
        ("train_cfg.val_begin=soon", "expected a whole number"),
        ("train_dataloader.drop_last=no", "drop_last='no'; expected True or False"),
        ("train_dataloader.prefetch_factor=0", "of at least 1"),
        ("train_dataloader.dataset.pipeline=None", r"pipeline=None; expected a list of trans"),
        ("env_cfg.tf32=yes", "tf32='yes'; expected True, False or None"),
        ("train_dataloader.dataset.depth_format={scale: x}", r"depth_format\.scale='x'; expected"),
        ("resume=yes", "resume='yes'; expected True or False"),
        ("load_from=3", "load_from=3; expected text"),
        ("param_scheduler=3", "param_scheduler=3; expected a list of dicts"),
        ("optim_wrapper.clip_grad.max_norm=-1", "expected a number above 0"),
        ("optim_wrapper.paramwise_cfg={norm_decay_mul: 0}", "Did you mean norm_decay_mult"),
        ("default_hooks.timer=True", r"default_hooks\.timer=True; expected a dict, or None"),
    ],
)
def test_the_message_names_the_value(config, option, message):
    with pytest.raises(ConfigError, match=message):
        build(final_config(config, [option]))


@pytest.mark.parametrize(
    "option",
    [
        *("env_cfg=None", "env_cfg.mp_cfg=None", "randomness=None", "log_processor=None"),
        *("default_scope=None", "log_level=None", "resume=None", "launcher=None"),
    ],
)
def test_none_means_the_default(config, option):
    final = final_config(config, [option])
    key = option.removesuffix("=None")
    assert key in ("default_scope", "log_processor") or key not in final
    assert final.default_scope == "mmseg"


def test_what_mmengine_wants_otherwise_is_written_so(config):
    options = ["randomness.deterministic=True", "log_level=debug", "custom_hooks={type: EMAHook}"]
    final = final_config(config, [*options, "model.data_preprocessor=None"])
    assert final.randomness == dict(deterministic=True, seed=None)
    assert final.log_level == "DEBUG"
    assert final.custom_hooks == [dict(type="EMAHook")]
    assert final.model.data_preprocessor.type == "MultiTaskDataPreprocessor"


def test_errors_of_files_and_of_a_users_code_keep_their_traceback(tmp_path):
    with pytest.raises(FileNotFoundError), building({}):
        (tmp_path / "none").read_text()
    module = tmp_path / "theirs.py"
    module.write_text("class Theirs:\n    def __init__(self):\n        raise ValueError('mine')\n")
    space: dict = {}
    exec(compile(module.read_text(), str(module), "exec"), space)
    with pytest.raises(ValueError, match="mine"), building({}):
        MODELS.build(dict(type=space["Theirs"]))
    with pytest.raises(ConfigError, match=r"part.0 = Conv2d\(in_channels=3\) cannot be set up"):
        node = dict(type="Conv2d", in_channels=3)
        with building(dict(part=[node])):
            MODELS.build(node)
