# Synthetic street scenes in folders: rgb/<split>/*.png, label/<split>/*.png with Cityscapes'
# train ids, depth/<split>/*.png in 16-bit centimetres (0: not measured). Set MINISCAPES_ROOT.
# The set of the reference is not public; any data in this layout will do.
data_root = '{{$MINISCAPES_ROOT:data/miniscapes}}'
dataset = dict(
    type='MultiTaskDataset', data_root=data_root, img_suffix='.png',
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
    depth_format=dict(scale=0.01))

train_pipeline = [
    dict(type='LoadImage'), dict(type='LoadTargets'),
    dict(type='RandomCrop', crop_size=(256, 256)), dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')]
test_pipeline = [dict(type='LoadImage'), dict(type='LoadTargets'), dict(type='PackSegInputs')]

train_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True, drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, **dataset, data_prefix=dict(
        img_path='rgb/train', seg_map_path='label/train', depth_map_path='depth/train')))
val_dataloader = dict(
    batch_size=4, num_workers=4, persistent_workers=True, pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(pipeline=test_pipeline, test_mode=True, **dataset, data_prefix=dict(
        img_path='rgb/val', seg_map_path='label/val', depth_map_path='depth/val')))
test_dataloader = val_dataloader
