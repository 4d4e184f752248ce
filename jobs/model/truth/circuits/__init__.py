"""The known circuits: one small file each."""
