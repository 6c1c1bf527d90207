# Report A, step 1: branched, each task has its own encoder, ASPP rates and decoder.
_base_ = './b06_branched.py'
model = dict(
    backbone=dict(
        _delete_=True, type='TaskEncoders',
        encoder=dict(
            type='TimmEncoder', model_name={{_base_.encoder}}, pretrained={{_base_.weights}}),
        tasks=dict(
            semseg=dict(replace_stride_with_dilation=(False, True, True)),
            depth=dict(replace_stride_with_dilation=(False, False, True)))),
    decode_head=dict(task_decoders=dict(
        semseg=dict(aspp_rates=(6, 12, 18, 24)), depth=dict(aspp_rates=(3, 6, 9), num_convs=3))))
