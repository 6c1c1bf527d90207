# Report B, step 9: squeeze-and-excitation in every residual block of the encoder.
_base_ = './b08_low_rate.py'
model = dict(backbone=dict(squeeze_excitation=True))
