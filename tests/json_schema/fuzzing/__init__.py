"""Differential fuzzing of the JSON Schema recogniser against `jsonschema`. See README.md."""
