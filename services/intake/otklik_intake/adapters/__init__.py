"""How messages are parsed and kept."""
