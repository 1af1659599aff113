"""Commands for development; nothing here is ever in an image."""
