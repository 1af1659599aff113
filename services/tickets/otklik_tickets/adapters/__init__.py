"""How tickets are kept in PostgreSQL, and how proofs of identity are checked and tokens signed."""
