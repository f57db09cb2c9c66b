"""The Processor API graph: nodes, sub-topologies, internal topics, and the text that describes them."""
