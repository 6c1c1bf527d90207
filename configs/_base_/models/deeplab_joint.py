# Like deeplab_branched.py, with one decoder for both tasks.
_base_ = './deeplab_branched.py'
model = dict(decode_head=dict(type='JointHead'))
