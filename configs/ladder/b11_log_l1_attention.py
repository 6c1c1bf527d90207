# Report B, step 11: L1 on normalised log depth, and gates that learn their attention.
_base_ = './b10_all_scale_skips.py'
model = dict(decode_head=dict(
    learned_gates=True,
    task_heads=dict(depth=dict(
        codec=dict(
            type='LogNormalizedCodec', log_mean={{_base_.log_depth_mean}},
            log_std={{_base_.log_depth_std}}),
        loss=dict(_delete_=True, type='MaskedL1Loss', space='raw')))))
