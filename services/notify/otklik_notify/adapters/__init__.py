"""How deliveries are kept, written out, signed and sent."""
