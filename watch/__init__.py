"""What operators see of the running system: metrics and traces. Nothing here ever makes what is watched fail."""
