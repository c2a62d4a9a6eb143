"""A crowd of people on the app: what each waits for, and whether every answer is right."""
