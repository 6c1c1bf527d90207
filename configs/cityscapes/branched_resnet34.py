# Cityscapes in full: 19 classes and metres up to 80 m, ResNet-34 at output stride 16.
_base_ = [
    '../_base_/datasets/cityscapes.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(pretrained=True))
val_evaluator = dict(type='MultiTaskMetric', max_depth=80.0)
test_evaluator = val_evaluator
