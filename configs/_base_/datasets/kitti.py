# KITTI's depth set: only depth, sparse, uint16 / 256 metres. Set KITTI_ROOT to the folder with raw
# (the drives' images) and depth (train and val of the annotated depth), see docs/datasets.md.
data_root = '{{$KITTI_ROOT:data/kitti}}'
dataset = dict(type='KittiMultiTask', data_root=data_root)

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(352, 704)),
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets')]
test_pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
