# The five targets of PASCAL-Context on the embedded data.
_base_ = ['street_scenes.py']
targets = dict(semseg={}, parts={}, saliency={}, boundary={}, normals={})
# Parts are learned and measured only where there are people.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargets'),
    dict(type='IgnoreEmpty', kinds=('parts',)),
    dict(type='FlipTargets', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargets'),
    dict(type='IgnoreEmpty', kinds=('parts',)),
    dict(type='PackTargets'),
]
train_dataloader = dict(dataset=dict(targets=targets, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(targets=targets, pipeline=test_pipeline))
test_dataloader = val_dataloader
