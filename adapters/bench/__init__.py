"""Measuring the relay: a generator, a sink and a raw relay in C, far cheaper than what they measure."""
