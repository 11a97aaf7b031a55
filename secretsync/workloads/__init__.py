"""Who uses a Secret: pods and what makes them, and how they come to see a new content."""
