"""The page of a recording: to listen to it and read along."""
