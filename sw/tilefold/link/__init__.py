"""The host's end of the link to a device: frames, requests, transfers, ports."""
