"""Constraints inside other people's generation loops. Each module needs the host it is for."""
