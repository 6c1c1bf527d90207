# Two data sets, one with classes alone and one with depth alone: every batch trains what it has.
# Here they are the first and the last 400 scenes; yours may be of different types.
_base_ = ['mtl_branched.py']
common = dict(
    type='StreetScenesDataset', data_root={{_base_.data_root}}, split='train',
    counts={{_base_.scenes.counts}}, size={{_base_.scenes.size}}, seed={{_base_.scenes.seed}},
    pipeline={{_base_.train_pipeline}})
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(common, targets=('semseg',), indices=400),
            dict(common, targets=('depth',), indices=-400),
        ]))
