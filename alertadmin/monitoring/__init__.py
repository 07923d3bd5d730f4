"""Self-monitoring: whether scans and deliveries keep running, and the alerts if they do not."""
