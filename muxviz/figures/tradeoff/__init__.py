"""Pictures of accuracy, speed and memory as measured."""
