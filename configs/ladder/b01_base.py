# Report B, step 1: one encoder and one decoder for both tasks, without context or skip.
_base_ = ['../_base_/ladder/{{$LADDER_SIZE:full}}.py', '../_base_/default_runtime.py']
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(type='MultiTaskDataPreprocessor'),
    backbone=dict(type='TimmEncoder', model_name={{_base_.encoder}}, pretrained=False),
    decode_head=dict(
        type='JointHead',
        decoder=dict(
            type='DeepLabDecoder', channels={{_base_.width}}, aspp_rates=None, skip_stride=None),
        task_heads=dict(
            semseg=dict(type='SegmentationHead'),
            depth=dict(
                type='DepthHead', codec=dict(type='ExpCodec'), loss=dict(type='SILogLoss'),
                initial_depth=15.0))),
    balancer=dict(type='FixedWeights', weights=dict(semseg=0.5, depth=0.5)))
optim_wrapper = dict(optimizer=dict(lr={{_base_.learning_rate}}))
