"""Models behind OpenAI-compatible completion servers: probe, transport, rollouts, tables."""
