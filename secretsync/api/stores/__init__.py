"""The store kinds and one module per backend's configuration."""
