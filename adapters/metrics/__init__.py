"""Figures of a running node: gathered in workers and control, exposed for Prometheus."""
