# Five tasks in one small network, as on PASCAL-Context: classes, parts of people, saliency, outlines and
# normals.
_base_ = ['mtl_branched.py']
targets = dict(semseg={}, parts={}, saliency={}, boundary={}, normals={})
load = [
    dict(type='LoadImage'),
    dict(type='LoadTargets'),
    # Parts are learned and measured only where there are people.
    dict(type='IgnoreEmpty', kinds=('parts',)),
]
train_pipeline = [
    *load,
    dict(type='FlipTargets', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets'),
]
test_pipeline = [*load, dict(type='PackTargets')]
model = dict(
    decode_head=dict(task_heads=dict(
        _delete_=True,
        semseg=dict(),
        # Most pixels are background even where there are people.
        parts=dict(loss=dict(type='MaskedCrossEntropyLoss', class_weight=(0.2, 1, 1, 1, 1))),
        saliency=dict(),
        # Outlines are 13 % of the pixels.
        boundary=dict(loss=dict(type='BinaryCrossEntropyLoss', positive_weight=4.0)),
        normals=dict())),
    balancer=dict(weights=dict(
        _delete_=True, semseg=0.5, parts=0.5, saliency=0.5, boundary=0.25, normals=0.5)))
train_dataloader = dict(dataset=dict(targets=targets, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(targets=targets, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='MultiTaskMetric'),
    dict(type='SaliencyMetric', target='saliency'),
]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='semseg/mIoU'))
