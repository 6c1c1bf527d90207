# Report B, step 4: atrous spatial pyramid pooling.
_base_ = './b03_dilation_fft.py'
model = dict(decode_head=dict(decoder=dict(aspp_rates=(3, 6, 9))))
