"""The books: every fen that moved, twice."""
