"""Speed, memory and exactness of answers, measured side by side."""
