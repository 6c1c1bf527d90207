# Miniscapes, a small Synscapes: <split>/rgb/*.jpg, <split>/semseg/*.png with Cityscapes' train ids,
# <split>/depth/*.png in 8 bits of disparity: 1 is 300 m, 255 is 4 m, 0 is not measured. Set
# MINISCAPES_ROOT (docs/datasets.md). The set is not public; any data in this layout works.
data_root = '{{$MINISCAPES_ROOT:data/miniscapes}}'
step = (1 / 4 - 1 / 300) / 254
dataset = dict(
    type='MultiTaskDataset', data_root=data_root, img_suffix='.jpg',
    metainfo=dict(
        classes=(
            'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light',
            'traffic sign', 'vegetation', 'terrain', 'sky', 'person', 'rider', 'car', 'truck',
            'bus', 'train', 'motorcycle', 'bicycle'),
        palette=[
            [128, 64, 128], [244, 35, 232], [70, 70, 70], [102, 102, 156], [190, 153, 153],
            [153, 153, 153], [250, 170, 30], [220, 220, 0], [107, 142, 35], [152, 251, 152],
            [70, 130, 180], [220, 20, 60], [255, 0, 0], [0, 0, 142], [0, 0, 70], [0, 60, 100],
            [0, 80, 100], [0, 0, 230], [119, 11, 32]]),
    depth_format=dict(scale=step, offset=1 / 300 - step, inverse=True))

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(256, 256)), dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')]
test_pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackSegInputs')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, **dataset, data_prefix=dict(
        img_path='train/rgb', seg_map_path='train/semseg', depth_map_path='train/depth')))
val_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(pipeline=test_pipeline, test_mode=True, **dataset, data_prefix=dict(
        img_path='val/rgb', seg_map_path='val/semseg', depth_map_path='val/depth')))
test_dataloader = val_dataloader
