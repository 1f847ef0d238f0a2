"""A module folder of the evaluate library, which loads the file named like the folder."""
