"""What the business does, in order. No web, queue, SQL or HTTP client."""
