"""The monitoring systems themselves, and the engines: do they work?"""
