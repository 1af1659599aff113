"""How surveys and records are kept, and links checked."""
