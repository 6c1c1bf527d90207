# Report B, step 10: skips at every scale, predictions at stride 2.
_base_ = './b09_squeeze_excitation.py'
model = dict(
    backbone=dict(out_indices=(0, 1, 2, 3, 4)),
    decode_head=dict(decoder=dict(
        _delete_=True, type='MultiScaleDecoder', channels={{_base_.width}},
        skip_channels={{_base_.skip_width}}, aspp_rates=(3, 6, 9))))
