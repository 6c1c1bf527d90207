import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

import mtl_plugins  # noqa: F401  prepares the stack that mmseg needs
from mtl_plugins.evaluation import (
    accuracy_per_class,
    class_scores,
    class_table,
    confusion_matrix,
    iou_per_class,
    semseg_scores,
)


def random_maps(num_classes, seed=0, absent=()):
    generator = np.random.default_rng(seed)
    classes = [c for c in range(num_classes) if c not in absent]
    truth = generator.choice([*classes, 255], size=(37, 53))
    guess = np.where(generator.random(truth.shape) < 0.5, truth, generator.choice(classes))
    guess[guess == 255] = classes[0]
    return torch.from_numpy(guess), torch.from_numpy(truth)


def test_counts_by_hand():
    truth = torch.tensor([[0, 0, 0], [1, 1, 255]])
    guess = torch.tensor([[0, 0, 2], [1, 0, 1]])
    confusion = confusion_matrix(guess, truth, num_classes=3)
    assert confusion.dtype == torch.int64
    assert confusion.tolist() == [[2, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert iou_per_class(confusion).tolist() == pytest.approx([50, 50, 0])
    accuracy = accuracy_per_class(confusion).tolist()
    assert accuracy[:2] == pytest.approx([200 / 3, 50])
    assert np.isnan(accuracy[2])
    scores = semseg_scores(confusion)
    assert scores["mIoU"] == pytest.approx(100 / 3)
    assert scores["aAcc"] == pytest.approx(60)
    assert scores["mAcc"] == pytest.approx((200 / 3 + 50) / 2)


def test_absent_class_is_skipped_or_zero():
    confusion = torch.tensor([[4, 0, 0], [0, 4, 0], [0, 0, 0]])
    assert semseg_scores(confusion)["mIoU"] == 100
    assert semseg_scores(confusion, absent="zero")["mIoU"] == pytest.approx(200 / 3)
    assert semseg_scores(confusion, absent="zero")["mAcc"] == 100
    assert np.isnan(semseg_scores(confusion, absent="nan")["mIoU"])
    with pytest.raises(ValueError, match=r"one of .*'skip', 'zero', 'nan'"):
        semseg_scores(confusion, absent="none")


def test_without_a_counted_pixel_scores_are_nan():
    label = torch.full((2, 2), 255)
    scores = semseg_scores(confusion_matrix(torch.zeros(2, 2).long(), label, 2))
    assert all(np.isnan(value) for value in scores.values())


@pytest.mark.parametrize("num_classes, absent", [(2, ()), (19, ()), (19, (3, 7))])
def test_equals_loops_and_mmseg(num_classes, absent):
    guess, truth = random_maps(num_classes, absent=absent)
    confusion = confusion_matrix(guess, truth, num_classes)

    expected = np.zeros((num_classes, num_classes), int)
    for t, g in zip(truth.flatten().tolist(), guess.flatten().tolist(), strict=True):
        if t != 255:
            expected[t, g] += 1
    assert (confusion.numpy() == expected).all()

    areas = IoUMetric.intersect_and_union(guess, truth, num_classes, 255)
    theirs = IoUMetric.total_area_to_metrics(*areas, metrics=["mIoU"])
    np.testing.assert_allclose(iou_per_class(confusion), 100 * theirs["IoU"], rtol=1e-6)
    np.testing.assert_allclose(accuracy_per_class(confusion), 100 * theirs["Acc"], rtol=1e-6)
    scores = semseg_scores(confusion)
    assert scores["aAcc"] == pytest.approx(100 * float(theirs["aAcc"]), rel=1e-6)
    assert scores["mIoU"] == pytest.approx(100 * float(np.nanmean(theirs["IoU"])), rel=1e-6)
    assert scores["mAcc"] == pytest.approx(100 * float(np.nanmean(theirs["Acc"])), rel=1e-6)


def test_ignored_pixels_do_not_count():
    guess, truth = random_maps(5)
    before = confusion_matrix(guess, truth, 5)
    ignored = truth == 255
    assert ignored.any()
    changed = guess.clone()
    changed[ignored] = 4
    assert torch.equal(before, confusion_matrix(changed, truth, 5))
    changed[~ignored] = 4
    assert not torch.equal(before, confusion_matrix(changed, truth, 5))


def test_wrong_shapes_types_and_ids_are_refused():
    label = torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"prediction holds class ids \[2\].*0\.\.1"):
        confusion_matrix(torch.tensor([0, 2]), label, 2)
    with pytest.raises(ValueError, match=r"prediction holds class ids \[-1\]"):
        confusion_matrix(torch.tensor([0, -1]), label, 2)
    with pytest.raises(ValueError, match=r"label holds class ids \[7\]"):
        confusion_matrix(label, torch.tensor([0, 7]), 2)
    with pytest.raises(ValueError, match=r"\(1, 2\).*\(2,\)"):
        confusion_matrix(label[None], label, 2)
    with pytest.raises(ValueError, match="integer"):
        confusion_matrix(torch.tensor([0.2, 0.8]), label, 2)


def test_small_integer_types_do_not_overflow():
    labels = torch.full((4,), 149, dtype=torch.uint8)
    assert confusion_matrix(labels, labels, 150)[149, 149] == 4


def test_table_shows_every_class():
    rows = class_scores(torch.tensor([[3, 1], [0, 0]]), ["road", "[red]sky"])
    road, sky = (line.strip("| ").split() for line in class_table(rows).splitlines()[2:])
    values = ["75.00", "75.00", "100.00", "85.71", "100.00"]
    assert road == " | ".join(["road", *values]).split(" ")
    assert sky == ["[red]sky", "|", "0.00", "|", "-", "|", "0.00", "|", "0.00", "|", "0.00"]
    with pytest.raises(ValueError, match="zip"):
        class_scores(torch.eye(2).long(), ["road"])
