"""Deliveries: the row is the queue, Celery only the doorbell. `claims` draws the states."""
