"""What may go wrong in training itself; wrong settings are `sotopia_env.ConfigurationError`."""

from sotopia_env.errors import SotopiaError


class TrainingError(SotopiaError):
    """Training, or the play that measures it, that cannot go on."""
