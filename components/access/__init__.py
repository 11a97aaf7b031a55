"""Components that grant what `secretsync.access` compiled."""
