"""Who uses a Secret, and how workloads come to see its new content."""
