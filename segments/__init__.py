"""Who a subscriber is: numbers, ranges, LADAs, places, time zones, targets."""
