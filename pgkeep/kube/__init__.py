"""The Kubernetes API, and what the tool does with Jobs and their pods."""
