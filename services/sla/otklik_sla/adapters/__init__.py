"""How sla's definitions and stories are kept."""
