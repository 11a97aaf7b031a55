"""What ``python -m local`` (and with it ``make up``, ``make down``, …) offers, one module per command."""
