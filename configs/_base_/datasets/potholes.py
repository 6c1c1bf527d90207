# An example for your own data set: folders, file endings, classes, depth decoding.
# 67 photographs with pothole masks and relative disparity. Set POTHOLES_ROOT to their folder.
data_root = '{{$POTHOLES_ROOT:data/potholes}}'
dataset = dict(
    type='MultiTaskDataset', data_root=data_root, img_suffix='.jpg',
    metainfo=dict(classes=('road', 'pothole'), palette=[[128, 64, 128], [255, 200, 0]]),
    # Disparity without a metric scale: the depth 1 / disparity is relative, about 1 on the road.
    depth_format=dict(scale=1 / 65536, inverse=True, invalid=(0,)), depth_unit='relative')

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(224, 384)), dict(type='FlipTargets', prob=0.5),
    dict(type='PhotoMetricDistortion'), dict(type='PackTargets')]
test_pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackTargets')]

train_dataloader = dict(
    batch_size=4, num_workers=2, persistent_workers=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, **dataset, data_prefix=dict(
        img_path='rgb/train', seg_map_path='label/train', depth_map_path='disparity/train')))
val_dataloader = dict(
    batch_size=4, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(pipeline=test_pipeline, test_mode=True, **dataset, data_prefix=dict(
        img_path='rgb/val', seg_map_path='label/val', depth_map_path='disparity/val')))
test_dataloader = val_dataloader
