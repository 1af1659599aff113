"""The schema of tickets' database, step by step; `otklik-tickets migrate` takes what is missing."""
