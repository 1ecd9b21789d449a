"""What a text may be: rule sets, character counting, findings and suggestions."""
