"""How the world reaches tickets: events, gRPC, and the published keys over HTTP."""
