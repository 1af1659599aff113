"""How the world reaches sla: events, calls, and time itself."""
