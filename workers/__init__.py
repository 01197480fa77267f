"""The doorbells. Celery lives here and nowhere else."""
