"""What we keep. SQLAlchemy lives here and nowhere else."""
