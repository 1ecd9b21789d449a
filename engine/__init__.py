"""What happens to a notification: may it carry an ad, which one, how it is written, and what became of it."""
