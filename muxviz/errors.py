"""Everything muxviz raises on purpose, and nothing else.

    MuxvizError
    ├── ConfigError              a configuration contradicts itself or is unknown
    │   └── UnknownVariant       a multiplexer, demultiplexer or class this version does not know
    ├── InputError               texts or token ids a model cannot take
    │   ├── GroupError           wrong number of texts in a group
    │   │   └── EmptyGroup       no text at all
    │   ├── TextTooLong          more tokens than the model has positions
    │   └── VocabularyError      token or segment ids outside the vocabulary
    ├── CheckpointError          something about a checkpoint
    │   ├── CheckpointMissing    no such folder, bundled name or hub id
    │   │   └── NotAModelFolder  a folder without config.json
    │   ├── CheckpointUnreadable truncated, corrupt, or a pickle that would run code
    │   ├── CheckpointMismatch   configuration and keys do not fit together
    │   │   ├── InstanceMismatch the number of instances contradicts the weights
    │   │   └── ShapeMismatch    a tensor has another shape than the model's
    │   ├── CheckpointInvalid    weights that are not numbers (NaN, infinity)
    │   └── CheckpointTooLarge   sizes that cannot fit in memory
    ├── HubError                 the hub could not be reached or refused
    ├── DataError                a data file is missing, or a row is malformed
    ├── NotApplicable            this checkpoint cannot answer this question
    ├── NotFinite                the model's numbers for a text are NaN or infinite: no answer
    ├── DeviceError              a device that is not there, or that ran out of memory
    │   └── TooBusy              too much waits for it to make anybody wait
    ├── Stopped                  work was stopped on request
    └── TrainingError            a run that cannot go on (its last good state is kept)

Every message says what was given, what was expected and what to do. Each class carries the
``code`` shown small beside the message in the app, so that a report can name it.
"""

from __future__ import annotations

from muxviz.printable import printable


class MuxvizError(Exception):
    """Base of all expected errors; ``str(error)`` is fit to be shown to a user."""

    code = "E-MUXVIZ"


class ConfigError(MuxvizError, ValueError):
    """A field is unknown, out of range, or contradicts another field or the weights."""

    code = "E-CFG"


class UnknownVariant(ConfigError):
    """A name in the configuration that this version does not know."""


class InputError(MuxvizError, ValueError):
    """The model cannot take this input."""

    code = "E-INPUT"


class GroupError(InputError):
    """A group has the wrong number of texts, or none."""

    code = "E-GROUP"


class EmptyGroup(GroupError):
    """A group without a single text."""


class VocabularyError(InputError):
    """A token id lies outside the checkpoint's vocabulary."""

    code = "E-VOCAB"


class TextTooLong(InputError):
    """A text has more tokens than the model has positions."""


class CheckpointError(MuxvizError):
    """Base of all checkpoint errors."""

    code = "E-CKPT"


class CheckpointMissing(CheckpointError, FileNotFoundError):
    """Nothing is found under the given name."""

    code = "E-MISSING"


class NotAModelFolder(CheckpointMissing):
    """The folder is there but holds no model."""


class CheckpointUnreadable(CheckpointError):
    """The files are there but cannot be read safely."""

    code = "E-READ"


class CheckpointMismatch(CheckpointError):
    """Configuration and weights disagree."""

    code = "E-KEYS"


class InstanceMismatch(CheckpointMismatch):
    """The number of instances contradicts the weights."""


class ShapeMismatch(CheckpointMismatch):
    """A tensor has another shape than the model wants."""


class CheckpointInvalid(CheckpointError):
    """The weights are read but are not usable numbers."""

    code = "E-NAN"


class CheckpointTooLarge(CheckpointError):
    """The declared sizes are absurd or do not fit in memory."""

    code = "E-SIZE"


class HubError(CheckpointError):
    """The model hub cannot be reached, or it does not have (or show) this id."""

    code = "E-HUB"


class DataError(MuxvizError, ValueError):
    """A data file is missing or one of its rows is malformed."""

    code = "E-DATA"


class FileError(DataError):
    """A file that a user named cannot be read or written, or does not hold what it should.

    Args:
        path: of the file, or what stands for it ("standard input", the name of an upload).
        given: what is wrong with it, to follow its name: "is a folder".
        line, column: where in it, from 1.
        expected: what would do, and how to get there.
    """

    code = "E-FILE"

    def __init__(
        self,
        path: object,
        given: str,
        *,
        line: int | None = None,
        column: int | None = None,
        expected: str,
    ) -> None:
        self.path, self.given, self.expected = str(path), given, expected
        self.line, self.column = line, column
        place = "".join(
            f", {word} {at}" for word, at in (("line", line), ("column", column)) if at is not None
        )
        super().__init__(f"{_short(printable(self.path))}{place}: {given}; expected {expected}")


def _short(name: str) -> str:
    return name if len(name) <= 300 else f"{name[:140]}...{name[-140:]}"


class NotApplicable(MuxvizError):
    """The question does not apply to this checkpoint; the message says why."""

    code = "E-NA"


class NotFinite(MuxvizError, ArithmeticError):
    """What the model computed is not a finite number, so that it answers nothing."""

    code = "E-FINITE"


class DeviceError(MuxvizError):
    """The device does not exist or has too little memory."""

    code = "E-DEVICE"


class TooBusy(DeviceError):
    """What waits for the device already takes longer than anybody should be made to wait."""

    code = "E-BUSY"


class Stopped(MuxvizError):
    """Work was stopped on request, between two chunks; what was done so far may be kept."""

    code = "E-STOP"


class TrainingError(MuxvizError):
    """Training stopped; the message names the last good state."""

    code = "E-TRAIN"
