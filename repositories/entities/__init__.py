"""What crosses the border of repositories/: frozen values, never rows. Instants are aware UTC. One file per noun."""
