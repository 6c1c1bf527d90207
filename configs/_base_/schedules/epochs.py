# Adam with a polynomial decay; set the number of epochs and the learning rate in the experiment.
epochs = 30
train_cfg = dict(type='SeededTrainLoop', max_epochs=epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=epochs, by_epoch=True,
         convert_to_iter_based=True),
]
