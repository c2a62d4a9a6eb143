"""Values of a ``config.json``, read one by one: nothing in such a file is trusted."""

from __future__ import annotations

from typing import Any

from muxviz.errors import CheckpointTooLarge, ConfigError

# Far above any published model; beyond it a config is a mistake or an attack.
LIMITS = {
    "hidden_size": 65536,
    "embedding_size": 65536,
    "intermediate_size": 1 << 18,
    "num_hidden_layers": 512,
    "num_attention_heads": 1024,
    "vocab_size": 1 << 22,
    "max_position_embeddings": 1 << 20,
    "type_vocab_size": 1024,
    "num_instances": 1024,
    "num_hidden_demux_layers": 64,
}


def check_sizes(sizes: dict[str, Any], where: str, *, source: str = "config.json") -> None:
    """Hold every size that is present (not None) against ``LIMITS``, before anything is built.

    Raises:
        ConfigError: not a whole number above 0 (``"12"``, 2.5, true, -1).
        CheckpointTooLarge: far above any known model.
    """
    for field, limit in LIMITS.items():
        value = sizes.get(field)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(
                f"{where}: {field} is {shown(value)} in {source}; expected a whole number above 0"
            )
        if value > limit:
            amount = f"{value:,}" if value < 10**15 else "a number of more than 15 digits"
            raise CheckpointTooLarge(
                f"{where}: {field} is {amount} in {source}; no known model exceeds {limit:,}. "
                "Nothing was allocated; check the config"
            )


def whole(raw: dict[str, Any], field: str, default: int, where: str, *, below: int) -> int:
    """A whole number from 0 to ``below`` - 1; ``default`` where it is absent or null.

    Raises:
        ConfigError: anything else.
    """
    value = raw.get(field)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise ConfigError(
            f"{where}: {field} is {shown(value)}; expected a whole number from 0 to {below - 1}"
        )
    return value


def real(raw: dict[str, Any], field: str, default: float, where: str, *, most: float) -> float:
    """A number from 0 to ``most``; ``default`` where it is absent or null.

    Raises:
        ConfigError: anything else, NaN and infinity included.
    """
    value = raw.get(field)
    if value is None:
        return default
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= most:
        raise ConfigError(f"{where}: {field} is {shown(value)}; expected a number from 0 to {most}")
    return float(value)


def text(raw: dict[str, Any], field: str, where: str) -> str | None:
    """A string, or None where it is absent or null.

    Raises:
        ConfigError: any other JSON value.
    """
    value = raw.get(field)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{where}: {field} is {shown(value)}; expected a string")
    return value


def shown(value: Any) -> str:
    """``value`` as it can stand in a message, cut where it is long."""
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:57]}..."
