"""One call of the tool: where it prints, which cluster, how it asks."""
