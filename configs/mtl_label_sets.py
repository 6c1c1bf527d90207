# Several label sets from one network: 19 classes, a coarser set of three classes made from the same
# files, and outlines; and depth. docs/datasets.md describes such targets.
_base_ = ['mtl_branched.py']
targets = dict(
    semseg={},
    mobility=dict(
        type='classes', folder='label', classes=('fixed', 'vehicle', 'person'),
        palette=[[128, 128, 128], [0, 0, 142], [220, 20, 60]],
        # Values of the files -> classes: streets, buildings, plants and sky; people; vehicles; none.
        label_map={**dict.fromkeys(range(11), 0), 11: 2, 12: 2, **dict.fromkeys(range(13, 19), 1),
                   255: 255}),
    boundary={},
    depth={})
model = dict(
    decode_head=dict(task_heads=dict(mobility=dict(), boundary=dict(
        # Outlines are 13 % of the pixels.
        loss=dict(type='BinaryCrossEntropyLoss', positive_weight=4.0)))),
    balancer=dict(weights=dict(mobility=0.25, boundary=0.25)))
train_dataloader = dict(dataset=dict(targets=targets))
val_dataloader = dict(dataset=dict(targets=targets))
test_dataloader = val_dataloader
