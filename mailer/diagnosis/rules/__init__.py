"""What is known of errors, as data: each row a pattern, the cause it speaks for, how strongly, and its source."""
