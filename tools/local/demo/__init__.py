"""Plays the main job on a running stack and tells it as it happens."""
