# Report B, step 6: a decoder for each task.
_base_ = './b05_skip4.py'
model = dict(decode_head=dict(type='BranchedHead'))
