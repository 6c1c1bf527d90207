# Report B, step 12: dilation instead of the last two strides, output stride 8.
_base_ = './b11_log_l1_attention.py'
model = dict(backbone=dict(replace_stride_with_dilation=(False, True, True)))
