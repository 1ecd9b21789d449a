"""Other people's SMPP libraries, each as a relay: programs of their own, that nothing else imports."""
