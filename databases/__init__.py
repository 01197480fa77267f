"""Where the two databases are: addresses and connection strings, their encrypted segments, and migrating both.

`python -m databases upgrade | encrypt | decrypt`
"""
