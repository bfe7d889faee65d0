"""Real servers for tests: each module starts one in a process of its own and ends it."""
