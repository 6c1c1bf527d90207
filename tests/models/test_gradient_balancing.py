"""Gradient balancing inside the model: all arrangements, and what training adds to a step."""

from copy import deepcopy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import OptimWrapper
from mmseg.registry import MODELS

from mtl_plugins.engine import AutocastOptimWrapper
from mtl_plugins.errors import ConfigError
from tests.batches import batch, gradients, model

ARRANGEMENTS = pytest.mark.parametrize("head", ["JointHead", "BranchedHead", "DistillationHead"])
LEVELS = pytest.mark.parametrize("level", ["features", "parameters"])
TASKS = ("semseg", "depth")


def network(head="BranchedHead", balancer=None, **kwargs):
    """A model with deterministic layers: same weights and statistics for the same seed."""
    torch.manual_seed(0)
    return model(head, balancer=balancer, **kwargs).train()


def gradient_balancer(weighting="AlignedMTL", **options):
    return dict(type="GradientBalancer", weighting=weighting, **options)


def forward(net, data):
    return net(**net.data_preprocessor(deepcopy(data), True), mode="loss")


def backward(net, data):
    """Return the gradients and the logged values of a step."""
    net.zero_grad()
    total, log = net.parse_losses(forward(net, data))
    total.backward()
    return gradients(net), log


def task_gradients(head, data, **kwargs):
    """Each task's own gradients, from plain backward passes."""
    result = {}
    for task in TASKS:
        weights = {other: float(other == task) for other in TASKS}
        net = network(head, dict(type="FixedWeights", weights=weights), **kwargs)
        result[task], _ = backward(net, data)
    return result


def shared_names(head, names):
    prefixes = dict(
        JointHead=("backbone.", "decode_head.decoder."),
        BranchedHead=("backbone.",),
        DistillationHead=("backbone.", "decode_head.decoders."),
    )
    return [name for name in names if name.startswith(prefixes[head])]


@ARRANGEMENTS
def test_parameter_level_is_exact(head):
    """Norms, cosine and weights are those of the Jacobian of the shared parameters."""
    from torchjd.aggregation import AlignedMTLWeighting

    data = batch((64, 64), (64, 64))
    own = task_gradients(head, data)
    found, log = backward(network(head, gradient_balancer(level="parameters")), data)
    shared = shared_names(head, found)
    matrix = torch.stack([torch.cat([own[t][n].flatten() for n in shared]) for t in TASKS]).double()
    expected = AlignedMTLWeighting()(matrix @ matrix.T)
    for task, norm, weight in zip(TASKS, matrix.norm(dim=1), expected, strict=True):
        assert log[f"balance/grad_norm_{task}"].item() == pytest.approx(norm.item(), rel=1e-4)
        assert log[f"balance/weight_{task}"].item() == pytest.approx(weight.item(), abs=1e-4)
    cosine = torch.cosine_similarity(*matrix, dim=0).item()
    assert log["balance/cosine_semseg_depth"].item() == pytest.approx(cosine, abs=1e-4)


@LEVELS
def test_sum_is_plain_training(level):
    data = batch((64, 64), (64, 64))
    plain, _ = backward(network(), data)
    found, log = backward(network(balancer=gradient_balancer("Sum", level=level)), data)
    assert found.keys() == plain.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, plain[name], rtol=1e-4, atol=1e-6)
    assert log["balance/weight_depth"] == 1


@LEVELS
def test_activation_checkpointing_changes_nothing(level):
    data = batch((64, 64), (64, 64))
    encoder = dict(type="TimmEncoder", model_name="test_resnet")
    plain, log = backward(network(balancer=gradient_balancer(level=level)), data)
    found, other = backward(
        network(balancer=gradient_balancer(level=level), backbone=dict(encoder, with_cp=True)), data
    )
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, plain[name], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other["balance/weight_depth"], log["balance/weight_depth"])


class ScaledOptimWrapper(AutocastOptimWrapper):
    """Mixed precision whose gradient scaler also works on the CPU, as it does on a GPU."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.loss_scaler = torch.amp.GradScaler("cpu", init_scale=4096.0)


@LEVELS
@pytest.mark.parametrize("weighting", ["MGDA", "FairGrad"])
def test_gradient_scaler_accumulation_and_clipping(level, weighting):
    """Two halves through a scaler, summed and clipped, are the two halves done by hand."""
    halves = [batch((64, 64), (64, 64)) for _ in range(2)]
    by_hand = network(balancer=gradient_balancer(weighting, level=level))
    logs, total = [], {}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = [forward(by_hand, half) for half in halves]
    for each in losses:
        loss, log = by_hand.parse_losses(each)
        logs.append(log)
        by_hand.zero_grad()
        loss.backward()
        for name, gradient in gradients(by_hand).items():
            total[name] = total.get(name, 0) + gradient / 2
    norm = torch.stack([g.norm() for g in total.values()]).norm()

    net = network(balancer=gradient_balancer(weighting, level=level))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    wrapper = ScaledOptimWrapper(
        optimizer=torch.optim.SGD(net.parameters(), lr=1.0),
        accumulative_counts=2,
        clip_grad=dict(max_norm=0.5 * norm.item()),
    )
    wrapper.initialize_count_status(net, 0, 2)
    for half, log in zip(halves, logs, strict=True):
        found = net.train_step(deepcopy(half), wrapper)
        for key in ("balance/weight_depth", "balance/grad_norm_depth"):
            torch.testing.assert_close(found[key], log[key], rtol=1e-3, atol=1e-4)
    for name, parameter in net.named_parameters():
        update = before[name] - parameter.detach()
        torch.testing.assert_close(update, 0.5 * total[name], rtol=2e-2, atol=1e-4, msg=name)


@LEVELS
@pytest.mark.slow
def test_torch_compile(level, head="BranchedHead"):
    data = batch((64, 64), (64, 64))
    plain, log = backward(network(head, gradient_balancer(level=level)), data)
    net = network(head, gradient_balancer(level=level))
    # As the runner's `compile` does; this backend needs no compiler.
    net.train_step = torch.compile(net.train_step, backend="aot_eager")
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    wrapper = OptimWrapper(torch.optim.SGD(net.parameters(), lr=1.0))
    found = net.train_step(deepcopy(data), wrapper)
    torch.testing.assert_close(
        found["balance/weight_depth"], log["balance/weight_depth"], rtol=1e-3, atol=1e-4
    )
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(
            before[name] - parameter, plain[name], rtol=1e-2, atol=1e-4, msg=name
        )


@pytest.mark.parametrize(
    "balancer", [gradient_balancer("GradVac"), dict(type="LossBalancer", scalarizer="UW")]
)
def test_averaged_weights(balancer):
    net = network(balancer=balancer)
    averaged = ExponentialMovingAverage(net, momentum=0.5, update_buffers=True)
    wrapper = OptimWrapper(torch.optim.SGD(net.parameters(), lr=0.1))
    for _ in range(3):
        net.train_step(batch((64, 64), (64, 64)), wrapper)
        averaged.update_parameters(net)
    state, average = net.state_dict(), averaged.module.state_dict()
    key = next(key for key in state if key.startswith("balancer."))
    assert state.keys() == average.keys() and not torch.equal(state[key], average[key])
    # The copy is whole: it trains by itself, with its own balancer.
    averaged.module.requires_grad_()
    found, log = backward(averaged.module, batch((64, 64), (64, 64)))
    assert all(torch.isfinite(g).all() for g in found.values())
    assert all(v.isfinite() for k, v in log.items() if k.startswith("balance/"))
    assert torch.equal(state[key], net.state_dict()[key])


@LEVELS
@pytest.mark.parametrize("missing", TASKS)
def test_a_batch_without_a_target_trains_the_rest(level, missing):
    data = batch((64, 64), (64, 64), **{missing: False})
    own = task_gradients("BranchedHead", data)
    found, log = backward(network(balancer=gradient_balancer(level=level)), data)
    (there,) = set(TASKS) - {missing}
    assert log[f"balance/weight_{there}"].item() == pytest.approx(1)
    assert log[f"balance/weight_{missing}"].isnan()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, own[there][name], rtol=1e-3, atol=1e-6)


@LEVELS
def test_a_frozen_encoder_has_nothing_to_balance(level):
    net = network(balancer=gradient_balancer(level=level))
    net.backbone.requires_grad_(False)
    found, log = backward(net, batch((64, 64), (64, 64)))
    assert found and not any(name.startswith("backbone") for name in found)
    assert log["balance/weight_depth"].isnan()


@LEVELS
def test_a_task_without_trained_parameters_is_left_out(level):
    net = network(balancer=gradient_balancer(level=level))
    net.backbone.requires_grad_(False)
    net.decode_head.decoders["depth"].requires_grad_(False)
    net.decode_head.task_heads["depth"].requires_grad_(False)
    found, _ = backward(net, batch((64, 64), (64, 64)))
    assert found and all("semseg" in name and g.isfinite().all() for name, g in found.items())


@LEVELS
def test_tasks_that_share_nothing_are_refused(level):
    encoder = dict(type="TimmEncoder", model_name="test_resnet")
    config = dict(type="TaskEncoders", encoder=encoder, tasks=dict(semseg={}, depth={}))
    net = network(balancer=gradient_balancer(level=level), backbone=config)
    with pytest.raises(ConfigError, match="share no features"):
        backward(net, batch((64, 64), (64, 64)))


def test_validation_losses_need_no_backward_pass():
    net = network(balancer=gradient_balancer())
    with torch.no_grad():
        total, log = net.parse_losses(forward(net, batch((64, 64), (64, 64))))
    assert total.isfinite() and log["balance/weight_depth"].isnan()


def test_logged_values_are_never_part_of_the_loss():
    net = network(balancer=gradient_balancer())
    losses = forward(net, batch((64, 64), (64, 64)))
    total, log = net.parse_losses(losses)
    assert total.item() == pytest.approx(sum(v.item() for v in losses.values()), rel=1e-6)
    extra = set(log) - set(losses) - {"loss"}
    assert extra and all(key.startswith("balance/") and "loss" not in key for key in extra)


def test_a_user_defined_balancer_needs_two_methods():
    from mtl_plugins.models.balancers import Balancer

    @MODELS.register_module(force=True)
    class Largest(Balancer):
        def forward(self, task_losses):
            return max(task_losses.values()), {}

    net = network(balancer=dict(type="Largest"))
    total, _ = net.parse_losses(losses := forward(net, batch((64, 64), (64, 64))))
    assert total == max(losses.values())
