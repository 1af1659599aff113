"""The whole of Otklik on one machine: real servers, every service its own process.

`make demo`, `make up`, `make down` and `make follow` are made of this package, and so are the tests
that need all services together: they take `Stack`, with ports and a folder of their own.
"""
