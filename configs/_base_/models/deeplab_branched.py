# One timm encoder, and for each task an ASPP decoder with a 4x skip and a head.
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(type='MultiTaskDataPreprocessor'),
    backbone=dict(
        type='TimmEncoder',
        model_name='resnet34',
        pretrained=False,
        output_stride=16,
        # This allows any backbone; those without dilation keep their stride.
        unsupported_stride='native'),
    decode_head=dict(
        type='BranchedHead',
        decoder=dict(
            type='DeepLabDecoder', channels=256, aspp_rates=(3, 6, 9), skip_stride=4,
            skip_channels=48),
        task_heads=dict(
            semseg=dict(type='SegmentationHead'),
            depth=dict(
                type='DepthHead',
                codec=dict(type='ExpCodec', min_depth=0.1, max_depth=300.0),
                loss=dict(type='SILogLoss', gamma=0.15),
                initial_depth=15.0))),
    balancer=dict(type='FixedWeights', weights=dict(semseg=0.5, depth=0.5)),
    test_cfg=dict(mode='whole'))
