"""SMPP 3.4 on the wire: frames, fields, splices, mirrored sessions, sockets."""
