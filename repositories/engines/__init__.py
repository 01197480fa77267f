"""What is different about each engine: how it is opened, and what reading and writing mean on it."""
