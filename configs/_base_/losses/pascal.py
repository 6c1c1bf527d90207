# Losses and weights of multi-task papers on PASCAL-Context (MTI-Net, InvPT), for networks of any
# kind: the config takes `task_heads` and `task_weights`. Saliency is class-balanced, edges are
# weighted 0.95 to 0.05.
task_heads = dict(
    _delete_=True,
    semseg=dict(),
    parts=dict(),
    saliency=dict(loss=dict(type='BalancedCrossEntropyLoss')),
    normals=dict(loss=dict(type='DirectionL1Loss')),
    edges=dict(loss=dict(type='BalancedCrossEntropyLoss', positive_weight=0.95)))
task_weights = dict(
    _delete_=True, semseg=1.0, parts=2.0, saliency=5.0, normals=10.0, edges=50.0)
