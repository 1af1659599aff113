"""Sla's tables, step by step."""
