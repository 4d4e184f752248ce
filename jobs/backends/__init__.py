"""Where a job runs: behind one small protocol, this machine for now."""
