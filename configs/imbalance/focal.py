# The focal loss with the same weights of the classes.
_base_ = ['cross_entropy.py']
model = dict(decode_head=dict(task_heads=dict(semseg=dict(loss=dict(
    type='MaskedFocalLoss', gamma=2.0, class_weight='configs/imbalance/weights.json')))))
