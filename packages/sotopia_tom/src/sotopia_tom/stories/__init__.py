"""Story generators and the simulator that labels what they generate."""
