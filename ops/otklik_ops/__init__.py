"""The operators' commands and the provisioner of streams and consumers."""
