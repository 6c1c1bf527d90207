# Cityscapes: 19 classes, metres from disparity. Set CITYSCAPES_ROOT to the folder with leftImg8bit,
# gtFine, disparity and camera (docs/datasets.md). split='test' has only images.
data_root = '{{$CITYSCAPES_ROOT:data/cityscapes}}'
dataset = dict(type='CityscapesMultiTask', data_root=data_root)
# Stereo is wrong in the sky. 0 marks it as not measured; 300.0 sets it to 300 m.
sky = dict(type='FillSkyDepth', depth=0.0)

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(512, 1024)), sky,
    dict(type='FlipTargets', prob=0.5), dict(type='PhotoMetricDistortion'),
    dict(type='PackTargets')]
test_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), sky, dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
