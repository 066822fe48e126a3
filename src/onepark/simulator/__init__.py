"""A synthetic city and its payment providers; they speak only public HTTP APIs."""
