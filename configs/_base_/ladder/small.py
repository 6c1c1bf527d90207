# The ladder's small size (LADDER_SIZE=small): StreetScenes on two CPU cores, no weights to fetch.
_base_ = ['../datasets/street_scenes.py', '../schedules/epochs.py']
encoder = 'resnet18'
weights = False
width, skip_width = 32, 12
learning_rate, low_learning_rate = 1e-3, 5e-4
# Of log depth (metres), from tools/depth_statistics.py on the training split.
log_depth_mean, log_depth_std = 2.79548, 0.879108
epochs = 2
train_cfg = dict(max_epochs=epochs)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=epochs, by_epoch=True,
         convert_to_iter_based=True),
]
