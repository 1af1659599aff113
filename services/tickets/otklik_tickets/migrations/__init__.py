"""The schema of tickets' database, step by step; `otklik-tickets migrate` takes the missing ones."""
