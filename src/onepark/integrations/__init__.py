"""Adapters: each implements one context's port in the words of one outside system."""
