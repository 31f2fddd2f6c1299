"""Where files of a data set lie: finding its folder, and pairing files by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path, PureWindowsPath

from metaphase.errors import DataError
from metaphase.image_io import SUFFIXES

__all__ = [
    "files_below",
    "home_of",
    "image_beside",
    "images_of",
    "listed",
    "name_alone",
    "names_of",
    "read_names",
    "shared_cases",
    "without_suffix",
]


def home_of(root: Path, spellings: Iterable[str], fits: Callable[[Path], bool]) -> Path | None:
    """The folder of a set: a folder of `root` whose name begins with one of `spellings`, or `root`; None if none fits.

    spellings: in lower case, the best first. fits: does this folder hold the set?
    """
    root = Path(root)
    if not root.is_dir():
        return None
    try:
        folders = sorted(place for place in root.iterdir() if place.is_dir())
    except OSError as error:
        raise DataError(f"{root}: the folder cannot be read ({error.strerror})") from error
    for spelling in spellings:
        for folder in folders:
            if folder.name.lower().startswith(spelling) and fits(folder):
                return folder
    return root if fits(root) else None


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Files of a folder and of those inside it with one of these suffixes (lower case), in order, no hidden ones."""
    wanted = set(suffixes)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in wanted
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def images_of(folder: Path) -> dict[str, Path]:
    """Image files directly inside a folder by name without suffix; empty where there is no such folder."""
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}


def image_beside(label: Path, listings: dict[Path, dict[str, Path]]) -> Path | None:
    """The image of the label file's name: in its folder, in `images` beside that folder, or one folder up.

    listings: what `images_of` gave for folders already looked at; extended here, so each folder is listed once.
    """
    parent = label.parent
    for folder in (parent, parent.parent / "images", parent.parent):
        if folder not in listings:
            listings[folder] = images_of(folder)
        if label.stem in listings[folder]:
            return listings[folder][label.stem]
    return None


def names_of(files: Iterable[Path], home: Path) -> dict[str, Path]:
    """Each file under a name that only it has: its stem, or its path inside `home` where two files share the stem."""
    found = list(files)
    stems: dict[str, int] = {}
    for path in found:
        stems[path.stem] = stems.get(path.stem, 0) + 1

    def name(path: Path) -> str:
        return path.stem if stems[path.stem] == 1 else "__".join(path.relative_to(home).with_suffix("").parts)

    return {name(path): path for path in found}


def read_names(path: Path) -> tuple[str, ...]:
    """Image names of a list file, one a line, suffixes of image files removed, repeats dropped, order kept."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file with one image name a line ({error})") from error
    return tuple(dict.fromkeys(without_suffix(line) for line in lines))


def listed(path: Path, known: Container[str], names: Sequence[str] | None = None) -> tuple[tuple[str, ...], str]:
    """The names of a list file that are `known`, and a note that counts the others ("" where there are none).

    names: what the file holds, where it is no plain list of names.
    """
    written = read_names(path) if names is None else names
    missing = [name for name in written if name not in known]
    first = f"{len(missing)} names in {path.name} have no image and label, the first is {missing[0]}" if missing else ""
    return tuple(name for name in written if name in known), first


def name_alone(written: str) -> str:
    """The file name in a path that a label file holds, whichever system wrote it; "" where there is none.

    A label file may not lead out of its folder.
    """
    name = PureWindowsPath(written).name
    return "" if name == ".." or "\0" in name else name


def without_suffix(name: str) -> str:
    """The name of an image file without the suffix; other dots stay, for they may belong to the name."""
    return re.sub(r"\.(jpe?g|png|bmp|tiff?)$", "", name.strip(), flags=re.IGNORECASE)


def shared_cases(splits: dict[str, tuple[str, ...]], cases: dict[str, str], sides: Iterable[str]) -> list[str]:
    """Cases that stand in more than one of the splits `sides`, sorted."""
    seen: dict[str, set[str]] = {}
    for side in sides:
        for name in splits.get(side, ()):
            if name in cases:
                seen.setdefault(cases[name], set()).add(side)
    return sorted(case for case, found in seen.items() if len(found) > 1)
