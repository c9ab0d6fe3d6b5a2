"""The contract's messages, generated from proto/trivet/v1: by the build, or by generate.py."""
