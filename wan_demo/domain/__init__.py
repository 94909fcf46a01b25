"""What the app talks about: requests, models, jobs and the events of a generation."""
