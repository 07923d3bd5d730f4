"""What a start needs: a data folder made ready, processes kept alive together, a demonstration.

The outermost room beside the commands: it may use every other, and none uses it.
"""
