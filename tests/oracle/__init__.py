"""What the features have to be, by the plainest reading of their definition; it shares no code with the platform."""
