"""How the services write what the desk shows."""
