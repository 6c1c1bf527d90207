# Full size with one decoder for both tasks: 26 M parameters.
_base_ = './branched_resnet34.py'
model = dict(decode_head=dict(type='JointHead'))
