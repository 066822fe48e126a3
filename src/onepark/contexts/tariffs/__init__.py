"""Tariffs: plans filed by operators, assigned to lots, and what a span of time costs under one."""
