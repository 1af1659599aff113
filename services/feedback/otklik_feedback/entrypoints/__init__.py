"""How feedback is reached: other services' events, the rating page, and calls."""
