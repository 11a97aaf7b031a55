"""A thin asynchronous client of the Kubernetes API server, and an in-memory stand-in with the same methods."""
