"""The measurements themselves: what they count, and how they are asked."""
