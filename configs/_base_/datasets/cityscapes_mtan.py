# Cityscapes by the MTAN protocol (https://arxiv.org/abs/1803.10704): 7 categories, 128x256 pixels,
# inverse depth. Set CITYSCAPES_ROOT as for cityscapes.py; cameras are not needed.
# MTAN's inverse depth is the value of the disparity file / 65535 (0: not measured), without
# camera and including the sky. Depth here is its inverse, without a metric scale: InverseCodec()
# makes the network regress MTAN's number, MTANDepthMetric(inverse=True) measures its errors.
data_root = '{{$CITYSCAPES_ROOT:data/cityscapes}}'
dataset = dict(
    type='CityscapesMultiTask', data_root=data_root, num_classes=7,
    depth_format=dict(scale=1 / 65535, inverse=True), depth_unit='relative')
small = dict(type='ResizeSample', size=(128, 256))

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), small, dict(type='FlipTargets', prob=0.5),
    dict(type='PackTargets')]
test_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'), small, dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
