"""A simulated missed-call platform and SMSC for the demo and the tests."""
