# PASCAL-Context in the five targets of PASCAL-MT; images of up to 500x500. Set PASCAL_ROOT to the folder
# PASCAL_MT with JPEGImages, semseg, ... (docs/datasets.md).
data_root = '{{$PASCAL_ROOT:data/PASCAL_MT}}'
dataset = dict(type='PascalContextMultiTask', data_root=data_root)
# Parts are learned and measured where there are people.
people = dict(type='IgnoreEmpty', kinds=('parts',))

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='ZoomTargets', factor=(0.5, 2.0), rescale_depth=False),
    dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75), people,
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PadTargets', size=(512, 512)), dict(type='PackTargets')]
test_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), people, dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=6, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=6, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader

# Edges take seconds an image: measured at the end.
val_metrics = [dict(type='MultiTaskMetric'), dict(type='SaliencyMetric', target='saliency')]
test_metrics = [*val_metrics, dict(type='EdgeMetric', target='edges', max_dist=0.0075)]
