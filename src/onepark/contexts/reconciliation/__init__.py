"""Comparing three books: ours, the providers' bills, and where the money went."""
