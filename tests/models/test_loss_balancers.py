"""Losses weighed by TorchJD's scalarizers: values, learned numbers, missing tasks, state."""

from copy import deepcopy

import pytest
import torch
from mmengine.logging import MessageHub
from torchjd import scalarization

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.balancers import FixedWeights, LossBalancer
from mtl_plugins.models.balancers.torchjd_adapter import SCALARIZERS

NAMES = pytest.mark.parametrize("name", list(SCALARIZERS))
TASKS = ("a", "b", "c")


@pytest.fixture(autouse=True)
def hub():
    """The run's message hub, from which DWA learns that an epoch has ended."""
    hub = MessageHub.get_current_instance()
    hub.update_info("epoch", 0)
    yield hub
    hub.update_info("epoch", 0)


def build(name, tasks=TASKS, **options):
    return LossBalancer(name, tasks=tasks, **options)


def step(balancer, numbers):
    """The scalar for losses of these sizes, their weights, and what was logged."""
    values = torch.tensor(numbers, requires_grad=True)
    total, log = balancer(dict(zip(balancer.tasks, values, strict=True)))
    total.backward()
    logged = torch.stack([log[f"balance/weight_{task}"] for task in balancer.tasks])
    torch.testing.assert_close(logged, values.grad)
    assert not any("loss" in key for key in log)
    return total.detach(), values.grad


@pytest.mark.parametrize(
    ("name", "total", "weights"),
    [
        ("uncertainty", 3.5, [0.5, 0.5, 0.5]),
        ("IMTL-L", 7.0, [1, 1, 1]),
        ("DWA", 7.0, [1, 1, 1]),
        ("geometric_mean", 2.0, [2 / 3, 1 / 3, 1 / 6]),
        # In proportion to 1 / loss with sum 1; its value is the sum of the weights' logarithms.
        ("FAMO", None, [4 / 7, 2 / 7, 1 / 7]),
    ],
)
def test_first_step_by_hand(name, total, weights):
    found, slopes = step(build(name), [1.0, 2.0, 4.0])
    torch.testing.assert_close(slopes, torch.tensor(weights, dtype=torch.float32))
    assert total is None or found.item() == pytest.approx(total)


def test_stch_by_hand():
    found, slopes = step(build("STCH", tasks=("a", "b"), mu=0.5, weights=[0.5, 1.0]), [2.0, 1.0])
    assert found.item() == pytest.approx(0.5 * (torch.tensor(2.0).exp() * 2).log().item())
    torch.testing.assert_close(slopes, torch.tensor([0.25, 0.5]))


@pytest.mark.parametrize("name", ["UW", "IMTLL"])
def test_learned_numbers_learn_as_torchjds(name):
    ours, theirs = build(name), getattr(scalarization, name)(3)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (ours, theirs)]
    for numbers in ([1.0, 2.0, 4.0], [3.0, 1.0, 2.0], [0.5, 0.5, 9.0]):
        for optimizer in optimizers:
            optimizer.zero_grad()
        found, _ = step(ours, numbers)
        expected = theirs(torch.tensor(numbers))
        expected.backward()
        assert found.item() == pytest.approx(expected.item())
        for optimizer in optimizers:
            optimizer.step()
    (learned,) = ours.parameters()
    assert torch.equal(learned, next(theirs.parameters())) and (learned != 0).all()


def test_dwa_weighs_by_the_last_two_epochs(hub):
    balancer = build("DWA", temperature=2.0)
    for epoch, losses in enumerate(([4.0, 2.0, 1.0], [2.0, 2.0, 1.0])):
        hub.update_info("epoch", epoch)
        _, weights = step(balancer, losses)
        step(balancer, losses)
        assert weights.tolist() == [1, 1, 1]
    hub.update_info("epoch", 2)
    _, weights = step(balancer, [1.0, 1.0, 1.0])
    rates = torch.tensor([0.5, 1.0, 1.0])
    torch.testing.assert_close(weights, 3 * torch.softmax(rates / 2, dim=0))


def test_dwa_counts_steps_where_a_loop_has_no_epochs():
    balancer = build("DWA", period=2)
    for losses in ([4.0, 2.0, 1.0], [2.0, 2.0, 1.0]):
        for _ in range(2):
            _, weights = step(balancer, losses)
            assert weights.tolist() == [1, 1, 1]
    _, weights = step(balancer, [1.0, 1.0, 1.0])
    torch.testing.assert_close(weights, 3 * torch.softmax(torch.tensor([0.5, 1.0, 1.0]) / 2, dim=0))


def test_famo_is_torchjds_with_the_next_batch_for_the_same():
    ours, theirs = build("FAMO", lr=0.1), scalarization.FAMO(3, lr=0.1)
    sequence = torch.rand(6, 3) + 0.5
    for index, losses in enumerate(sequence):
        if index:
            theirs.update(losses)
        found, _ = step(ours, losses.tolist())
        torch.testing.assert_close(found, theirs(losses).detach())
    assert (ours.scalarizer.logits != 0).all()


@NAMES
def test_a_task_without_targets_is_left_out(name):
    full, part = build(name), build(name, tasks=("a", "c"))
    for _ in range(3):
        found, weights = step(full, [1.0, 0.0, 4.0])
        expected, slopes = step(part, [1.0, 4.0])
        if name != "Random":  # draws as many numbers as there are tasks, in an order of its own
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(weights[[0, 2]], slopes)
        assert weights[1] == 0
    nothing, weights = step(full, [0.0, 0.0, 0.0])
    assert nothing == 0
    for parameter in full.parameters():
        assert parameter.grad[1] == 0 and parameter.grad[2] != 0


@NAMES
def test_state_survives_a_resume_bit_for_bit(name, hub):
    through, resumed = build(name), build(name)
    # As in a run: an optimizer for the learned weights, and epochs.
    optimizers = {m: torch.optim.Adam([*m.parameters(), torch.ones(1)]) for m in (through, resumed)}
    losses = (torch.rand(8, 3) + 0.5).tolist()

    def train(balancer, steps):
        result = []
        for index in steps:
            hub.update_info("epoch", index // 2)
            optimizers[balancer].zero_grad()
            result.append(step(balancer, losses[index]))
            optimizers[balancer].step()
        return result

    train(through, range(5))
    resumed.load_state_dict(through.state_dict())
    optimizers[resumed].load_state_dict(deepcopy(optimizers[through].state_dict()))
    for expected, found in zip(
        train(through, range(5, 8)), train(resumed, range(5, 8)), strict=True
    ):
        assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])
    if name != "STCH" and name != "GeometricMean":
        assert any((value != 0).any() for value in through.state_dict().values())


def test_random_weights_leave_other_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    balancer = build("Random")
    (_, first), (_, second) = (step(balancer, [1.0, 1.0, 1.0]) for _ in range(2))
    assert torch.equal(torch.rand(2), expected)
    assert first.sum() == pytest.approx(1) and not torch.equal(first, second)


def test_nothing_is_learned_from_losses_without_graph():
    balancer = build("FAMO")
    step(balancer, [1.0, 2.0, 3.0])
    before = {k: v.clone() for k, v in balancer.state_dict().items()}
    with torch.no_grad():
        balancer({task: torch.tensor(9.0) for task in TASKS})
    assert all(torch.equal(v, before[k]) for k, v in balancer.state_dict().items())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(scalarizer="WU"), "no scalarizer 'WU'. Choose from DWA, FAMO"),
        (dict(scalarizer="DWA", temprature=1), "'temprature'. Did you mean temperature"),
        (dict(scalarizer="DWA", period=0), "period=0: expected"),
        (dict(scalarizer="STCH", mu=-1.0), "strictly positive"),
    ],
)
def test_wrong_options_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        LossBalancer(tasks=TASKS, **config)


def test_without_torchjd_the_command_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(ConfigError, match=r"pip install \"torchjd\[full\]"):
        LossBalancer("UW", tasks=TASKS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (dict(a=1.0), r"such as balancer=dict\(weights=dict\(b=1\.0, c=1\.0\)\)"),
        (dict(a=1.0, b=1.0, c=1.0, d=1.0), r"each task\. d: "),
        (dict(a=1.0, b=-1.0, c="x"), r"\{'b': -1\.0, 'c': 'x'\}; expected numbers, each >= 0"),
    ],
)
def test_fixed_weights_are_one_number_for_each_task(weights, message):
    with pytest.raises(ConfigError, match=message):
        FixedWeights(weights, tasks=TASKS)
