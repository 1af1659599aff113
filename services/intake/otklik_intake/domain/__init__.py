"""What is true about messages that reach the organisation, whoever stores or carries them."""
