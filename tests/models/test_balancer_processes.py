"""Balancing over two processes: the same weights on every rank, and those of the global batch."""

from functools import partial

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope

from tests.batches import TASK_HEADS, batch, model
from tests.ranks import run_ranks

pytestmark = pytest.mark.slow

GRADIENT = [
    dict(type="GradientBalancer", weighting="AlignedMTL", level="features"),
    dict(type="GradientBalancer", weighting="AlignedMTL", level="parameters"),
    dict(type="GradientBalancer", weighting="PCGrad", level="features"),
    dict(type="GradientBalancer", weighting="FairGrad", level="parameters"),
]
LOSSES = [dict(type="LossBalancer", scalarizer=name) for name in ("UW", "DWA", "FAMO", "Random")]
# Means over pixels, of which all samples have the same number: the mean over ranks of the losses
# is the loss of the global batch.
HEADS = dict(TASK_HEADS, depth=dict(type="DepthHead", loss=dict(type="MaskedL1Loss")))
STEPS = 3
# What is missing on each rank: nothing, another task, the same task, a task on one.
KINDS = [
    ({}, {}),
    (dict(depth=False), dict(semseg=False)),
    (dict(depth=False), dict(depth=False)),
    (dict(depth=False), {}),
]
CASES = [
    *((KINDS[0], balancer, False) for balancer in [*GRADIENT, *LOSSES]),
    *((kinds, balancer, False) for kinds in KINDS[1:] for balancer in GRADIENT[:2]),
    *((kinds, balancer, False) for kinds, balancer in zip(KINDS[1:], LOSSES, strict=False)),
    *(
        (KINDS[1], balancer, True)
        for balancer in [*GRADIENT[:2], LOSSES[0], dict(type="FixedWeights")]
    ),
]


def batches(kinds):
    """Each step's four samples; the pairs have the targets of their kind."""
    torch.manual_seed(1)
    result = []
    for _ in range(STEPS):
        pairs = [batch((32, 32), (32, 32), **kind) for kind in kinds]
        result.append({key: [x for pair in pairs for x in pair[key]] for key in pairs[0]})
    return result


def train(balancer, data, wrap=None, wrapper_args=None):
    """Weights, balancer's logs and state after some steps."""
    init_default_scope("mmseg")
    torch.manual_seed(0)
    # In evaluation mode batch norm uses its stored statistics, the same for any batch.
    net = model(balancer=balancer, task_heads=HEADS).eval()
    start = {name: p.detach().clone() for name, p in net.named_parameters()}
    wrapped = net if wrap is None else wrap(net)
    optimizer = OptimWrapper(torch.optim.SGD(net.parameters(), lr=0.01))
    logs = []
    for index, each in enumerate(data):
        MessageHub.get_current_instance().update_info("epoch", index)
        logs.append(dict(wrapped.train_step(each, optimizer)))
    logs = [{k: v.item() for k, v in log.items() if "balance/" in k} for log in logs]
    update = {name: p.detach() - start[name] for name, p in net.named_parameters()}
    return dict(update=update, logs=logs, state=dict(net.balancer.state_dict()))


def rank_main(rank, folder, cases):
    torch.distributed.init_process_group("gloo")
    part = slice(2 * rank, 2 * rank + 2)
    results = []
    for kinds, balancer, find_unused in cases:
        data = [{key: value[part] for key, value in each.items()} for each in batches(kinds)]
        wrap = partial(MMDistributedDataParallel, find_unused_parameters=find_unused)
        results.append(train(balancer, data, wrap))
    torch.save(results, f"{folder}/rank_{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """What both ranks have after each case, from one pair of processes."""
    folder = tmp_path_factory.mktemp("ranks")
    codes, output = run_ranks(2, rank_main, folder, folder, CASES)
    assert codes == [0, 0], output
    ranks = [torch.load(folder / f"rank_{rank}.pt") for rank in range(2)]
    return list(zip(CASES, *ranks, strict=True))


def assert_same(first, second):
    for part in ("update", "state"):
        assert first[part].keys() == second[part].keys()
        for name, value in first[part].items():
            assert torch.equal(value, second[part][name]), name


def test_ranks_stay_equal_with_missing_targets(two_processes):
    for case, first, second in two_processes:
        assert_same(first, second)
        assert all(torch.isfinite(u).all() for u in first["update"].values()), case
        trained = {name for name, u in first["update"].items() if (u != 0).any()}
        assert any(name.startswith("backbone") for name in trained), case
        for task in TASK_HEADS:
            is_there = any(kind.get(task, True) for kind in case[0])
            assert (f"decode_head.task_heads.{task}.predict.weight" in trained) == is_there, case


@pytest.mark.parametrize("balancer", GRADIENT + LOSSES, ids=lambda each: " ".join(each.values()))
def test_two_processes_equal_one_with_the_global_batch(two_processes, balancer):
    """Where losses are means over equally many pixels, the update is that of one process."""
    ((_, ranks, _),) = [each for each in two_processes if each[0] == (KINDS[0], balancer, False)]
    alone = train(balancer, batches(KINDS[0]))
    size = max(u.abs().max().item() for u in alone["update"].values())
    assert size > 1e-4
    for name, update in alone["update"].items():
        assert (ranks["update"][name] - update).abs().max() < 1e-3 * size, name
    if balancer["type"] == "GradientBalancer":
        for ours, theirs in zip(ranks["logs"], alone["logs"], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
