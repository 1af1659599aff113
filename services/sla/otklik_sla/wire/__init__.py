"""How sla is written down: the only modules that speak both its domain and protobuf."""
