# NYUv2 by the MTAN protocol (https://arxiv.org/abs/1803.10704): 13 classes, 288x384 pixels, metres,
# all pixels counted. Its third task, normals, is not in the .mat file. Set NYUV2_ROOT as for nyuv2.py.
data_root = '{{$NYUV2_ROOT:data/nyuv2}}'
dataset = dict(type='NYUv2MultiTask', data_root=data_root, num_classes=13)
small = dict(type='ResizeSample', size=(288, 384))

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), small, dict(type='FlipTargets', prob=0.5),
    dict(type='PackTargets')]
test_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), small, dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=2, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=2, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
