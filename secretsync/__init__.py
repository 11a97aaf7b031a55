"""The sync engine: what an ExternalSecret means, without a word of Pulumi."""
