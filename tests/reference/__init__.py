"""A second implementation of docs/spec.md, written from its text alone, to check hf_etc against."""
