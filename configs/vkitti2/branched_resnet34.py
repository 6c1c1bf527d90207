# Virtual KITTI 2: 14 classes and metres, measured up to 80 m.
_base_ = [
    '../_base_/datasets/vkitti2.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(pretrained=True))
val_evaluator = dict(type='MultiTaskMetric', max_depth=80.0)
test_evaluator = val_evaluator
