# The ladder's full size (LADDER_SIZE=full, the default), as in the reports.
_base_ = ['../datasets/miniscapes.py', '../schedules/epochs.py']
encoder = 'resnet34'
weights = True  # ImageNet weights from the hub; or the path of a local file
width, skip_width = 256, 48
learning_rate, low_learning_rate = 1e-4, 5e-5
# Statistics of log depth (metres) from tools/depth_statistics.py; measure them on your own data.
log_depth_mean, log_depth_std = 2.8, 1.0
