"""Singer taps as sources, Singer targets as sinks."""
