"""Every weighting through the node equals TorchJD's aggregator applied to the explicit Jacobian."""

from zlib import crc32

import pytest
import torch
from torchjd import aggregation

from mtl_plugins.errors import ConfigError
from mtl_plugins.models.balancers import GradientBalancer
from mtl_plugins.models.balancers.gradients import gramian
from mtl_plugins.models.balancers.torchjd_adapter import WEIGHTINGS

SHAPES = ((2, 4, 6, 8), (2, 8, 3, 4))
OPTIONS = {"CAGrad": dict(c=0.5), "FairGrad": dict(alpha=1.0)}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
NUMBERS = pytest.mark.parametrize("num_tasks", [2, 3])
NAMES = pytest.mark.parametrize("name", list(WEIGHTINGS))


def slopes(num_tasks, dtype=torch.float32, seed=0):
    """Each task's gradient of two maps, of different size and partly in conflict."""
    generator = torch.Generator().manual_seed(seed)
    common = [torch.randn(shape, generator=generator) for shape in SHAPES]
    return [
        [
            ((task + 1) * (torch.randn(c.shape, generator=generator) + (0.7 - task) * c)).to(dtype)
            for c in common
        ]
        for task in range(num_tasks)
    ]


def through_node(balancer, gradients, scale=1.0):
    """The gradient that reaches the maps, and the log, where tasks have the given gradients."""
    maps = [torch.zeros_like(g).requires_grad_() for g in gradients[0]]
    # One map in channels-last memory, as encoders may return them.
    views = balancer.share([maps[0].to(memory_format=torch.channels_last), maps[1]])
    losses = {
        task: sum((view * g).sum() for view, g in zip(views[task], each, strict=True))
        for task, each in zip(balancer.tasks, gradients, strict=True)
    }
    total, log = balancer(losses)
    (total * scale).backward()
    return torch.cat([m.grad.flatten() for m in maps]), log


def jacobian(gradients):
    return torch.stack([torch.cat([g.flatten() for g in each]) for each in gradients]).double()


def build(name, num_tasks, **options):
    return GradientBalancer(name, tasks=[f"t{i}" for i in range(num_tasks)], **options)


def weights_of(log):
    return torch.stack([v for k, v in log.items() if "weight" in k]).double()


@NAMES
@NUMBERS
@DTYPES
def test_equal_to_torchjd_on_the_jacobian(name, num_tasks, dtype):
    gradients = slopes(num_tasks, dtype)
    matrix = jacobian(gradients)
    if name == "NashMTL" and num_tasks == 2:
        pytest.skip("closed form instead of TorchJD's solver: tested by its own equation")
    arguments = dict(n_tasks=num_tasks) if name == "NashMTL" else OPTIONS.get(name, {})
    with torch.random.fork_rng([]):
        torch.manual_seed(crc32(gramian(gradients).double().numpy().tobytes()))
        expected = getattr(aggregation, name)(**arguments)(matrix)
    found, log = through_node(build(name, num_tasks), gradients)
    size = matrix.norm(dim=1).max()
    assert (weights_of(log) @ matrix - expected).norm() < 1e-5 * size
    if dtype == torch.float32:
        assert (found - expected).norm() < 1e-5 * size
    else:
        assert (found - expected).norm() < 1e-2 * size  # the sum itself is rounded to bfloat16


@pytest.mark.parametrize("seed", range(5))
def test_nash_of_two_tasks_solves_its_equation(seed):
    gradients = slopes(2, seed=seed)
    products = jacobian(gradients) @ jacobian(gradients).T
    _, log = through_node(build("Nash-MTL", 2, max_norm=0), gradients)
    weights = weights_of(log)
    torch.testing.assert_close(products @ weights, 1 / weights, rtol=1e-5, atol=0)
    norms, cosine = products.diagonal().sqrt(), products[0, 1] / products.diagonal().prod().sqrt()
    torch.testing.assert_close(weights, 1 / (norms * (1 + cosine).sqrt()), rtol=1e-5, atol=0)
    clipped, _ = through_node(build("Nash-MTL", 2), gradients)
    assert clipped.norm().item() == pytest.approx(1.0, rel=1e-5)
    # TorchJD's iterative solver comes near it.
    solver = aggregation.NashMTL(2)(jacobian(gradients))
    assert (clipped - solver).norm() < 2e-2


def test_logged_values_by_hand():
    balancer = build("Sum", 3)
    gradients = [
        [torch.tensor([3.0, 4.0])],
        [torch.tensor([-4.0, 3.0])],
        [torch.tensor([-6, -8.0])],
    ]
    gradients = [[g.reshape(1, 1, 1, 2)] * 2 for (g,) in gradients]
    found, log = through_node(balancer, [[g[0], torch.zeros(1, 1, 1, 1)] for g in gradients])
    assert found.tolist() == [-7, -1, 0]
    assert {k.removeprefix("balance/"): round(v.item(), 6) for k, v in log.items()} == dict(
        weight_t0=1, weight_t1=1, weight_t2=1, grad_norm_t0=5, grad_norm_t1=5, grad_norm_t2=10,
        cosine_t0_t1=0, cosine_t0_t2=-1, cosine_t1_t2=0,
    )  # fmt: skip
    assert not any("loss" in key for key in log)


@NAMES
def test_a_scaled_loss_gives_the_same_weights(name):
    """Gradient scalers and accumulation multiply the loss; the weights must not notice."""
    gradients = slopes(3)
    plain, log = through_node(build(name, 3), gradients)
    scaled, scaled_log = through_node(build(name, 3), gradients, scale=1024.0)
    torch.testing.assert_close(scaled, 1024 * plain, rtol=1e-5, atol=1e-3)
    for key, value in log.items():
        torch.testing.assert_close(scaled_log[key], value, rtol=1e-5, atol=1e-6)


@NAMES
def test_a_task_without_targets_is_left_out(name):
    first, last = slopes(2)
    absent = [torch.zeros_like(g) for g in first]
    full, log = through_node(build(name, 3), [first, absent, last])
    part, _ = through_node(build(name, 2), [first, last])
    torch.testing.assert_close(full, part)
    assert log["balance/weight_t1"].isnan() and log["balance/grad_norm_t1"] == 0
    assert log["balance/cosine_t0_t1"].isnan() and log["balance/cosine_t0_t2"].isfinite()
    nothing, _ = through_node(build(name, 2), [absent, absent])
    assert (nothing == 0).all()
    only, _ = through_node(build(name, 2), [absent, last])
    direction = jacobian([last])[0]
    cosine = torch.cosine_similarity(only.double(), direction, dim=0)
    assert cosine.item() == pytest.approx(1.0, abs=1e-6)


@NAMES
def test_state_survives_a_resume_bit_for_bit(name):
    through, resumed = build(name, 3), build(name, 3)
    for step in range(3):
        through_node(through, slopes(3, seed=step))
    resumed.load_state_dict(through.state_dict())
    for step in range(3, 6):
        expected, _ = through_node(through, slopes(3, seed=step))
        found, _ = through_node(resumed, slopes(3, seed=step))
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ["GradVac", "NashMTL"])
def test_state_changes_the_weights(name):
    fresh, used = build(name, 3), build(name, 3)
    for step in range(3):
        through_node(used, slopes(3, seed=step))
    differ = [not torch.equal(a, b) for a, b in zip(used.buffers(), fresh.buffers(), strict=True)]
    assert differ == [True]


def test_infinite_gradients_reach_the_encoder():
    first, last = slopes(2)
    first[0][0, 0, 0, 0] = torch.inf
    found, _ = through_node(build("CAGrad", 2), [first, last])
    assert not found.isfinite().all()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(weighting="CAGard"), "no weighting 'CAGard'. Did you mean CAGrad"),
        (
            dict(weighting="CAGrad", d=1),
            "CAGradWeighting has no argument 'd'. Choose from c, norm_eps",
        ),
        (dict(weighting="CAGrad", c=-1.0), "non-negative"),
        (dict(weighting="MGDA", level="layers"), "level='layers'; choose one of"),
    ],
)
def test_wrong_options_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        GradientBalancer(tasks=("a", "b"), **config)


def test_preferences_follow_their_tasks():
    gradients = slopes(3)
    preferred = build("UPGrad", 3, pref_vector=[0.1, 0.2, 0.7])
    expected = aggregation.UPGrad(torch.tensor([0.1, 0.2, 0.7]).double())(jacobian(gradients))
    found, _ = through_node(preferred, gradients)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
    gradients[0] = [torch.zeros_like(g) for g in gradients[0]]
    expected = aggregation.UPGrad(torch.tensor([0.2, 0.7]).double())(jacobian(gradients[1:]))
    found, _ = through_node(preferred, gradients)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
