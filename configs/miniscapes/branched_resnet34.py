# Full size: ResNet-34 at output stride 16, 256 channels, 256x256 crops, 31 M parameters.
_base_ = [
    '../_base_/datasets/miniscapes.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(pretrained=True))
