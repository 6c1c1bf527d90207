# Virtual KITTI 2: 14 classes, depth in centimetres; drives 1, 6, 18 and 20 train, drive 2 validates.
# Set VKITTI2_ROOT to the folder with Scene01, ... (docs/datasets.md).
data_root = '{{$VKITTI2_ROOT:data/vkitti2}}'
dataset = dict(type='VirtualKitti2MultiTask', data_root=data_root)

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(320, 640)),
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets')]
test_pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(
        scenes=('Scene01', 'Scene06', 'Scene18', 'Scene20'),
        variations=('clone', 'fog', 'morning', 'overcast', 'rain', 'sunset'),
        pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(scenes=('Scene02',), pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
