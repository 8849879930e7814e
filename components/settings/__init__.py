"""What a stack is told, read and checked. Nothing in here imports pulumi."""
