# NYUD-v2 in four targets, whole images of 480x640. Set NYUD_ROOT as for nyud.py, to such files.
data_root = '{{$NYUD_ROOT:data/nyud}}'
dataset = dict(type='NYUDMultiTask', data_root=data_root)

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    # Nearer things have less depth; normals turn accordingly.
    dict(type='ZoomTargets', factor=(0.5, 2.0)),
    dict(type='RandomCrop', crop_size=(480, 640), cat_max_ratio=0.75),
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PadTargets', size=(480, 640)), dict(type='PackTargets')]
test_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader

# RMSE of all pixels at once, as papers print it. Edges take seconds an image: measured at the end.
val_metrics = [dict(type='MultiTaskMetric', average=dict(depth='pixels'), min_depth=1e-9)]
test_metrics = [*val_metrics, dict(type='EdgeMetric', target='edges', max_dist=0.011)]
