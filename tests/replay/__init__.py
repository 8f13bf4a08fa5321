"""Recorded histories of every workflow, and the proof that today's code replays them."""
