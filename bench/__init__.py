"""The measurements: `make bench`. Each figure stands beside bare Temporal doing the same, in the same run."""
