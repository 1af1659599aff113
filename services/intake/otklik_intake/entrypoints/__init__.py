"""How the world reaches intake: mail, the form, the APIs, and tickets' events."""
