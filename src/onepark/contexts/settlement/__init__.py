"""Contracts of lots, and the clearing of what they earn."""
