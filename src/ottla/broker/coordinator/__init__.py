"""The shell of the coordinators: it appends their records to an internal topic, replays them at load, and answers."""
