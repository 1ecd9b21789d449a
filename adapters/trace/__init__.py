"""What `posdata trace` makes of octets: PDUs cut, numbers masked, lines and pcap files. Pure code."""
