"""What an ExternalSecret means: plan → fetch → assemble → render → desired Secret → write.

Everything between the plan and the desired Secret is pure. I/O stands at the two ends, behind `Provider` and `Cluster`.
"""
