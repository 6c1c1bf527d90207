# NYUD-v2 as multi-task papers measure it: classes, depth, normals and edges of one dilated ResNet-50.
_base_ = [
    '../_base_/datasets/nyud.py', '../_base_/models/deeplab_branched.py', '../_base_/losses/nyud.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(
    backbone=dict(model_name='resnet50', pretrained=True, output_stride=8),
    decode_head=dict(task_heads={{_base_.task_heads}}),
    balancer=dict(weights={{_base_.task_weights}}))
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
train_cfg = dict(max_epochs=100)
val_evaluator = {{_base_.val_metrics}}
test_evaluator = {{_base_.test_metrics}}
default_hooks = dict(checkpoint=dict(save_best='semseg/mIoU'))
