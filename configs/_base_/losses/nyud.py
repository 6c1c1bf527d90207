# Losses and weights of multi-task papers on NYUD-v2 (MTI-Net, InvPT), for networks of any kind: the
# config takes `task_heads` and `task_weights`. Edges are weighted 0.95 to 0.05.
task_heads = dict(
    _delete_=True,
    semseg=dict(),
    depth=dict(
        codec=dict(type='LinearCodec'), loss=dict(type='MaskedL1Loss'), initial_depth=2.7),
    normals=dict(loss=dict(type='DirectionL1Loss')),
    edges=dict(loss=dict(type='BalancedCrossEntropyLoss', positive_weight=0.95)))
task_weights = dict(_delete_=True, semseg=1.0, depth=1.0, normals=10.0, edges=50.0)
