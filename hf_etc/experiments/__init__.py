"""The harness of every measurement: records, their store, scales, data and trainings."""
