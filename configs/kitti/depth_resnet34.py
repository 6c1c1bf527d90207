# KITTI: only depth, up to 80 m.
_base_ = [
    '../_base_/datasets/kitti.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(
    backbone=dict(pretrained=True),
    decode_head=dict(
        task_heads=dict(_delete_=True, depth=dict(
            type='DepthHead', codec=dict(type='ExpCodec', min_depth=0.1, max_depth=100.0),
            loss=dict(type='SILogLoss', gamma=0.15), initial_depth=15.0))),
    balancer=dict(_delete_=True, type='FixedWeights', weights=dict(depth=1.0)))
val_evaluator = dict(type='MultiTaskMetric', tasks=['depth'], max_depth=80.0)
test_evaluator = val_evaluator
