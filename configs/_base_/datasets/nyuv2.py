# NYUv2's labelled scenes: 40 classes, metres, measured inside the usual window of 480x640. Set
# NYUV2_ROOT to the output folder of tools/convert_nyuv2.py (docs/datasets.md).
data_root = '{{$NYUV2_ROOT:data/nyuv2}}'
dataset = dict(type='NYUv2MultiTask', data_root=data_root, num_classes=40)

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(416, 544)),
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets')]
test_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='EvaluationCrop', rows=(45, 471), columns=(41, 601)), dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
