"""The widgets every room is made of, all drawn line by line."""
