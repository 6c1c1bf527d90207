"""Mixed precision on CPU and GPU, and the optimizer of a balanced model."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn

from mtl_plugins.engine import AutocastOptimWrapper
from tests.batches import model

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def linear(seed=0, device="cpu"):
    torch.manual_seed(seed)
    return nn.Linear(4, 2).to(device)


def wrap(model, **kwargs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return AutocastOptimWrapper(optimizer, **kwargs)


def train_step(wrapper, model, batch):
    with wrapper.optim_context(model):
        out = model(batch)
    wrapper.update_params(out.float().square().mean())
    return out


def test_it_is_built_from_a_config():
    optimizer = torch.optim.SGD(linear().parameters(), lr=0.1)
    config = dict(type="AutocastOptimWrapper", optimizer=optimizer, clip_grad=dict(max_norm=1.0))
    assert isinstance(OPTIM_WRAPPERS.build(config), AutocastOptimWrapper)


@pytest.mark.parametrize("dtype", ["auto", "bfloat16"])
def test_on_cpu_activations_are_bfloat16_and_parameters_stay_float32(dtype):
    model = linear()
    before = model.weight.detach().clone()
    wrapper = wrap(model, dtype=dtype)
    out = train_step(wrapper, model, torch.rand(3, 4))
    assert out.dtype == torch.bfloat16
    assert model(torch.rand(3, 4)).dtype == torch.float32  # outside the context
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert wrapper.optimizer.state[model.weight]["momentum_buffer"].dtype == torch.float32
    assert not torch.equal(model.weight, before)


def test_accumulated_small_batches_step_like_one_big_batch():
    # Powers of two and small integers: bfloat16 holds every product and sum of them exactly.
    batch = torch.randint(-2, 3, (8, 4), generator=torch.Generator().manual_seed(1)).float()
    big = linear()
    nn.init.constant_(big.weight, 0.5)
    nn.init.zeros_(big.bias)
    small = copy.deepcopy(big)
    train_step(wrap(big), big, batch)
    wrapper = wrap(small, accumulative_counts=4)
    start = small.weight.detach().clone()
    for index, part in enumerate(batch.split(2)):
        assert torch.equal(small.weight, start), f"stepped before part {index}"
        train_step(wrapper, small, part)
    torch.testing.assert_close(small.weight, big.weight, rtol=0, atol=1e-6)
    assert not torch.equal(small.weight, start)


def test_clipping_bounds_the_update():
    model = linear()
    before = nn.utils.parameters_to_vector(model.parameters()).detach()
    train_step(wrap(model, clip_grad=dict(max_norm=0.5)), model, 100 * torch.ones(2, 4))
    step = nn.utils.parameters_to_vector(model.parameters()).detach() - before
    torch.testing.assert_close(step.norm(), torch.tensor(0.1 * 0.5), rtol=1e-3, atol=0)


def test_training_continues_alike_from_a_state_dict():
    model = linear()
    wrapper = wrap(model)
    train_step(wrapper, model, torch.ones(2, 4))
    twin = linear(seed=1)
    twin.load_state_dict(model.state_dict())
    restored = wrap(twin)
    state = copy.deepcopy(wrapper.state_dict())
    restored.load_state_dict(state)
    assert "loss_scaler" not in state  # bfloat16 has no scaler to remember
    for each, net in ((wrapper, model), (restored, twin)):
        train_step(each, net, torch.ones(2, 4))
    assert torch.equal(model.weight, twin.weight)


def test_a_state_from_float16_training_loads_and_is_not_altered():
    wrapper = wrap(linear())
    state = {**wrapper.state_dict(), "loss_scaler": {"scale": 8.0}}
    wrapper.load_state_dict(state)
    assert state["loss_scaler"] == {"scale": 8.0}


def test_a_scaled_loss_gives_the_same_clipped_step_and_its_scale_is_remembered():
    plain, scaled = linear(), linear()
    clip = dict(max_norm=0.5)
    train_step(wrap(plain, clip_grad=dict(clip)), plain, torch.ones(2, 4))
    wrapper = wrap(scaled, clip_grad=dict(clip))
    # float16 brings its own scaler, on CUDA; the CPU's does the same arithmetic.
    wrapper.loss_scaler = torch.amp.GradScaler("cpu", init_scale=256.0, growth_interval=1)
    train_step(wrapper, scaled, torch.ones(2, 4))
    assert torch.equal(plain.weight, scaled.weight)  # a power of two costs no digit
    state = wrapper.state_dict()
    assert state["loss_scaler"]["scale"] == 512.0
    restored = wrap(linear())
    restored.loss_scaler = torch.amp.GradScaler("cpu")
    restored.load_state_dict(state)
    assert restored.loss_scaler.get_scale() == 512.0


def test_a_resumed_scaler_follows_the_rules_of_its_config():
    def scaling(**given):
        wrapper = wrap(linear(), scaler=given)
        wrapper.loss_scaler = torch.amp.GradScaler("cpu", **given)
        return wrapper

    state = scaling(init_scale=64.0, growth_interval=5).state_dict()
    state["loss_scaler"]["scale"] = 128.0
    for given, scale in ((dict(init_scale=64.0), 128.0), (dict(init_scale=32.0), 32.0)):
        resumed = scaling(growth_interval=7, backoff_factor=0.25, **given)
        resumed.load_state_dict(state)
        found = resumed.loss_scaler.state_dict()
        assert (found["scale"], found["growth_interval"]) == (scale, 7)
        assert found["backoff_factor"] == 0.25


@pytest.mark.parametrize(
    ("dtype", "said"), [("half", "expected one of"), ("float16", "expected them on 'cuda'")]
)
def test_a_dtype_that_cannot_work_is_refused(dtype, said):
    with pytest.raises(ValueError, match=said) as refusal:
        wrap(linear(), dtype=dtype)
    assert repr(dtype) in str(refusal.value) and "use" in str(refusal.value)


@pytest.mark.parametrize("paramwise", [None, dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))])
def test_a_balancers_parameters_have_no_weight_decay(paramwise):
    network = model(balancer=dict(type="LossBalancer", scalarizer="UW"))
    config = dict(
        type="OptimWrapper",
        constructor="BalancedOptimWrapperConstructor",
        optimizer=dict(type="SGD", lr=0.5, weight_decay=0.1),
    )
    if paramwise:
        config["paramwise_cfg"] = paramwise
    groups = build_optim_wrapper(network, config).optimizer.param_groups
    (log_var,) = network.balancer.parameters()
    (group,) = [g for g in groups if any(p is log_var for p in g["params"])]
    assert group["weight_decay"] == 0 and group["lr"] == 0.5 and len(group["params"]) == 1
    others = [g for g in groups if g is not group]
    assert others and all(g["weight_decay"] == 0.1 for g in others)
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))


@pytest.mark.gpu
@needs_gpu
def test_float16_on_a_gpu_scales_the_loss_and_remembers_the_scale():
    model = linear(device="cuda")
    wrapper = wrap(model, dtype="float16", scaler=dict(init_scale=256.0, growth_interval=1))
    out = train_step(wrapper, model, torch.rand(3, 4, device="cuda"))
    assert out.dtype == torch.float16
    state = wrapper.state_dict()
    assert state["loss_scaler"]["scale"] == 512.0
    for init_scale, scale in ((256.0, 512.0), (64.0, 64.0)):  # another one begins anew
        scaler = dict(init_scale=init_scale)
        restored = wrap(linear(device="cuda"), dtype="float16", scaler=scaler)
        restored.load_state_dict(state)
        assert restored.loss_scaler.get_scale() == scale
