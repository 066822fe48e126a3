"""Wiring, routes, command line: the only package that knows everything."""
