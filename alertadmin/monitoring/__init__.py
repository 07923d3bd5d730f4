"""Who watches the watcher: whether scans and deliveries go on, and who hears of it when they do not."""
