"""Cars in lots: passages become stays, stays become orders and counts."""
