"""The environment in other libraries' shapes, one thin file each."""
