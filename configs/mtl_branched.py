# The default experiment: a branched network on the embedded street scenes, small enough that two
# CPU cores train it in minutes. configs/miniscapes holds the full-size ones.
_base_ = [
    '_base_/datasets/street_scenes.py', '_base_/models/deeplab_branched.py',
    '_base_/schedules/epochs.py', '_base_/default_runtime.py']
model = dict(
    channels_last=True,
    backbone=dict(model_name='resnet18'),
    decode_head=dict(decoder=dict(channels=64, skip_channels=24)))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=4)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, by_epoch=True, convert_to_iter_based=True),
]
