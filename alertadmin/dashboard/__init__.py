"""The pages: forms and views, nothing else."""
