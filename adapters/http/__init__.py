"""HTTP served by the control process."""
