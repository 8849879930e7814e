"""The Pulumi components of pgkeep, one concern per file."""
