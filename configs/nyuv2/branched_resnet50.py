# NYUv2: 40 classes and depth indoors, up to 10 m.
_base_ = [
    '../_base_/datasets/nyuv2.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(
    backbone=dict(model_name='resnet50', pretrained=True),
    decode_head=dict(task_heads=dict(
        depth=dict(codec=dict(max_depth=10.0), initial_depth=2.7))))
