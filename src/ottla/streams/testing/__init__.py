"""TopologyTestDriver: a topology without a broker."""
