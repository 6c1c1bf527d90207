# Report B, step 5: a skip connection at stride 4.
_base_ = './b04_aspp.py'
model = dict(decode_head=dict(decoder=dict(skip_stride=4, skip_channels={{_base_.skip_width}})))
