# The ladder's small size (LADDER_SIZE=small): small StreetScenes on two CPU cores, about
# half a minute per step; it downloads no weights.
_base_ = ['../datasets/street_scenes.py', '../schedules/epochs.py']
encoder = 'resnet18'
weights = False
width, skip_width = 32, 12
learning_rate, low_learning_rate = 1e-3, 5e-4
# Statistics of log depth (metres) from tools/depth_statistics.py on the training split.
log_depth_mean, log_depth_std = 2.7951, 0.8756

scenes = dict(
    data_root='data/street_scenes_small', counts=dict(train=400, val=80), size=(64, 128))
train_dataloader = dict(dataset=scenes)
val_dataloader = dict(dataset=scenes)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=3, val_interval=3)
