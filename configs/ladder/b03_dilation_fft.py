# Report B, step 3: dilation instead of the last stride, output stride 16.
_base_ = './b02_pretrained.py'
model = dict(backbone=dict(replace_stride_with_dilation=(False, False, True)))
