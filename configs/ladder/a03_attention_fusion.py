# Report A, step 3: skips of strides 4, 8 and 16, each weighed by its own attention.
_base_ = './a02_adaptive_bins.py'
model = dict(decode_head=dict(
    decoder=dict(
        _delete_=True, type='AttentionFusionDecoder', channels={{_base_.width}}),
    task_decoders=dict(_delete_=True,
        semseg=dict(aspp_rates=(6, 12, 18, 24)), depth=dict(aspp_rates=(3, 6, 9)))))
