"""Ways in which money leaves for parties."""
