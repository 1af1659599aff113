"""What the desk does: puts together what several services know."""
