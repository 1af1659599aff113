"""What is true about telling people: what is told to whom, once, and how far it got."""
