"""What a machine has and lacks of what Tilefold uses."""
