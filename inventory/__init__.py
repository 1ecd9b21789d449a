"""What was sold and what is left: campaigns, bookings, the ledger's arithmetic, the plan."""
