"""The texts for each cause: title, explanation, who must act, steps to fix it, and helpful pages."""
