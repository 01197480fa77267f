"""The console: server-rendered pages at /ops for operators, with a sign-in of their own."""
