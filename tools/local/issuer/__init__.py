"""An OpenID Connect provider for development: the seeded people, one click each, no password.

It speaks the real protocol (discovery, keys, code flow with PKCE), so that the desk and tickets use
the code they use in production. It refuses to run anywhere else than in development.
"""
