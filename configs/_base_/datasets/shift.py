# SHIFT (discrete, one frame a second, front view): 14 classes, depth in 24 bits. Set SHIFT_ROOT to
# the folder with discrete/images (docs/datasets.md). split='test' has only images.
data_root = '{{$SHIFT_ROOT:data/shift}}'
dataset = dict(type='ShiftMultiTask', data_root=data_root)

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(512, 1024)),
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets')]
test_pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
