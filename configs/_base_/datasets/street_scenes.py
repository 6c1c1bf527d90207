# The embedded data, rendered into data_root if it is missing.
data_root = 'data/street_scenes'
scenes = dict(counts=dict(train=800, val=120), size=(128, 256), seed=0)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargets'),
    dict(type='FlipTargets', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargets'),
    dict(type='PackTargets'),
]

train_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(
        type='StreetScenesDataset', data_root=data_root, split='train', pipeline=train_pipeline,
        **scenes))
val_dataloader = dict(
    batch_size=8, num_workers=2, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='StreetScenesDataset', data_root=data_root, split='val', pipeline=test_pipeline,
        test_mode=True, **scenes))
test_dataloader = val_dataloader
