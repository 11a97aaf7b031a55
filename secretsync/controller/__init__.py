"""The controller: watches ExternalSecrets, stores and targets, and keeps every target as its ExternalSecret says."""
