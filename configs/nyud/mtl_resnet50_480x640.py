# The four tasks of NYUD-v2 in whole images of 480x640; otherwise as mtl_resnet50.
_base_ = './mtl_resnet50.py'
train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='ZoomTargets', factor=(0.5, 2.0)),
    dict(type='RandomCrop', crop_size=(480, 640), cat_max_ratio=0.75),
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PadTargets', size=(480, 640)), dict(type='PackTargets')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
