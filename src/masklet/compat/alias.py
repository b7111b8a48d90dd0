"""The package name `sam2` for `masklet.compat.sam2`, in the running interpreter."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

_NAME = "sam2"
_PREFIX = "masklet.compat."


def install() -> None:
    """From now on `import sam2` and `from sam2.x import y` find masklet's modules.

    A `sam2` that is installed is hidden, as long as nothing of it has been imported yet.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def offered() -> list[str]:
    """The modules there are, under the names that programs import."""
    package = importlib.import_module(_PREFIX + _NAME)
    return [
        module.name.removeprefix(_PREFIX)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.ispkg
    ]


class _Finder:
    """Leads `sam2` and everything below it to masklet, and refuses what is not there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME and not fullname.startswith(f"{_NAME}."):
            return None
        real = find_spec(_PREFIX + fullname)
        if real is None:
            raise ModuleNotFoundError(
                f"masklet has no {fullname}; expected one of {', '.join(offered())}. "
                "Run this program with the official package, or without that import.",
                name=fullname,
            )
        is_package = real.submodule_search_locations is not None
        return ModuleSpec(fullname, _Loader(), origin=real.origin, is_package=is_package)


class _Loader(Loader):
    """Hands out masklet's own module, so that a class is the same under both names."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_PREFIX + spec.name)
        # The import system puts the alias's spec into the module that it gets.
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state
