"""What several analyses start from: groups drawn and run, their states, shares with intervals."""
