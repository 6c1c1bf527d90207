# NYUv2 by the MTAN protocol: ResNet-50, equal weights, L1 loss of the depth.
_base_ = [
    '../_base_/datasets/nyuv2_mtan.py', '../_base_/models/deeplab_branched.py',
    '../_base_/schedules/epochs.py', '../_base_/default_runtime.py']
model = dict(
    backbone=dict(model_name='resnet50', pretrained=True, output_stride=8),
    decode_head=dict(
        decoder=dict(aspp_rates=(12, 24, 36), skip_stride=None),
        task_heads=dict(
            depth=dict(
                codec=dict(_delete_=True, type='LinearCodec', max_depth=10.0),
                loss=dict(_delete_=True, type='MaskedL1Loss'),
                initial_depth=2.7))),
    balancer=dict(weights=dict(semseg=1.0, depth=1.0)))
val_evaluator = [dict(type='MultiTaskMetric'), dict(type='MTANDepthMetric')]
test_evaluator = val_evaluator
