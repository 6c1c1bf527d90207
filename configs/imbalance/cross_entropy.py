# The default experiment, with which the others of this folder are compared; see docs/imbalance.md.
_base_ = ['../mtl_branched.py']
