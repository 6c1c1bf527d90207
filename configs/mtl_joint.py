# The default experiment with one decoder for both tasks.
_base_ = './mtl_branched.py'
model = dict(decode_head=dict(type='JointHead'))
