# Cross-entropy and the Dice loss, in which every class counts alike.
_base_ = ['cross_entropy.py']
model = dict(decode_head=dict(task_heads=dict(semseg=dict(loss=[
    dict(type='MaskedCrossEntropyLoss'), dict(type='MaskedDiceLoss')]))))
