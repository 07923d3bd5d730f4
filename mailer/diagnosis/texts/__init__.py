"""What is said of each cause: title, explanation, who must act, numbered mending, and which pages help."""
