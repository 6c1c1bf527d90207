# Report A, step 2: depth as a mixture of bins that attend to the image.
_base_ = './a01_task_specific.py'
model = dict(decode_head=dict(task_heads=dict(depth=dict(
    _delete_=True, type='AttentionBinsHead', num_bins=64, loss=dict(type='SILogLoss'),
    initial_depth=15.0))))
