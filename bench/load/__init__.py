"""A load test of ExternalSecret controllers from the outside: what is written, what appears, what it cost."""
