"""Switches of speed change how numbers are computed, not which."""

from __future__ import annotations

import copy

import pytest
import torch

from mtl_plugins.config import load_config, run_config
from mtl_plugins.engine import set_tf32, set_up_process
from tests.batches import batch, model, predict, step
from tests.config.test_config import BRANCHED


def network(**kwargs):
    torch.manual_seed(0)
    return model(**kwargs)


@pytest.mark.slow
def test_a_compiled_model_is_the_same_model():
    # Tracing alone: what the compiler would make of it takes a minute.
    compiled, plain = network(compile=dict(backend="eager")), network()
    assert list(compiled.state_dict()) == list(plain.state_dict())
    data = batch((32, 64), (32, 64))
    losses = [step(each, copy.deepcopy(data)) for each in (compiled, plain)]
    assert losses[0]["loss"].item() == pytest.approx(losses[1]["loss"].item(), rel=1e-6)
    for one, other in zip(compiled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
    found = [predict(each, copy.deepcopy(data))[0] for each in (compiled, plain)]
    torch.testing.assert_close(*(each.pred_depth_map.data for each in found))
    # As an average of weights is made, and as a checkpoint's model is.
    copied = copy.deepcopy(compiled)
    assert copied.backbone._compiled_call_impl is None
    assert compiled.backbone._compiled_call_impl is not None


@pytest.fixture
def flags():
    """Torch's switches of TF32, restored afterwards."""
    modules = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [module.allow_tf32 for module in modules]
    yield lambda: [module.allow_tf32 for module in modules]
    for module, allowed in zip(modules, before, strict=True):
        module.allow_tf32 = allowed


def test_tf32_is_on_off_or_as_torch_has_it(flags):
    before = flags()
    set_tf32(None)
    assert flags() == before
    for allowed in (True, False):
        config = run_config(BRANCHED, [f"env_cfg.tf32={allowed}"])
        set_up_process(config)
        assert flags() == [allowed, allowed]


def test_the_switches_are_names_that_configs_know():
    from dev.bench.rows.switches import SWITCHES

    config = load_config(BRANCHED, [*SWITCHES.values()])
    assert config.optim_wrapper.optimizer.fused and config.model.compile
