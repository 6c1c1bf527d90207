# The default experiment with its tasks' gradients balanced; any weighting of TorchJD works here.
_base_ = ['mtl_branched.py']
model = dict(
    balancer=dict(_delete_=True, type='GradientBalancer', weighting='CAGrad', c=0.5))
