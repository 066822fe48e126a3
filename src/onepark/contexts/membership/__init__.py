"""Passes, coupons and whoever holds them."""
