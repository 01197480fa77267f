"""Whom we call. HTTP clients live here and nowhere else."""
