"""What D and G are trained for: pure functions of logits."""
