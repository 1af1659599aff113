"""How notify is reached: other services' events, the time, its own outgoing queue, and calls."""
