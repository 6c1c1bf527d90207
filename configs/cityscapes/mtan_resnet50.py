# Cityscapes by the MTAN protocol: ResNet-50, equal weights, L1 loss of the inverse depth.
_base_ = [
    '../_base_/datasets/cityscapes_mtan.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(
    backbone=dict(model_name='resnet50', pretrained=True, output_stride=8),
    decode_head=dict(
        decoder=dict(aspp_rates=(12, 24, 36), skip_stride=None),
        task_heads=dict(
            depth=dict(
                # The range of the files: 1 / 65535 to 1.
                codec=dict(_delete_=True, type='InverseCodec', min_depth=1.0, max_depth=65535.0),
                loss=dict(_delete_=True, type='MaskedL1Loss', space='raw'),
                initial_depth=10.0))),
    balancer=dict(weights=dict(semseg=1.0, depth=1.0)))
val_evaluator = [dict(type='MultiTaskMetric'), dict(type='MTANDepthMetric', inverse=True)]
test_evaluator = val_evaluator
