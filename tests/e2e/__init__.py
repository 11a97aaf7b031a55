"""The whole platform on real parts, in a checkout of its own."""
