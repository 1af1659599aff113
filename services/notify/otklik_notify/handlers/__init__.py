"""What notify does: hears, tells, sends, remembers."""
