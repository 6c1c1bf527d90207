# Synscapes: Cityscapes' 19 classes and exact depth.
_base_ = [
    '../_base_/datasets/synscapes.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(pretrained=True))
