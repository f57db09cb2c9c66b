"""What an application wrote, as a graph that can still be optimised, before it is written into a topology."""
