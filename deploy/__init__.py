"""What runs Tahoon in containers: docs/how-to/deploy.md."""
