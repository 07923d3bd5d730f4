"""What must be told before a credential ends: the rule (`rules`), the scan that writes it down, the words."""
