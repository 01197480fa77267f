"""What the business asks of the databases. One public method is one transaction in one database. One file per noun."""
