"""What `python -m sotopia_env.formats` can be told."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class StoreSettings:
    """Which store."""

    path: str | None = None
    """Its file; by default the one scenarios are looked up in."""


@dataclass(slots=True, kw_only=True)
class Settings:
    """See `hydra_conf/sotopia_env/formats.yaml`."""

    source: str = "sotopia"
    direction: str = "import"
    path: str | None = None
    layout: str = "lines"
    dry_run: bool = False
    store: StoreSettings = field(default_factory=StoreSettings)
    seed: int = 0
    """Nothing is drawn; every command has one."""
    fresh: bool = True
    """What lies in the source or the store may be another than last time."""
