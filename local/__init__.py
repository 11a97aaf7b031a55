"""The embedded environment: real parts on this machine, without a cluster, a cloud or a container runtime."""
