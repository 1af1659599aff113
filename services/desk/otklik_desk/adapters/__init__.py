"""How the desk reaches the services, the provider of identity, and the browser's memory."""
