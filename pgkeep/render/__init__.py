"""Tables and blocks for the terminal, and the JSON documents for scripts. Pure."""
