"""`python -m masklet.compat SCRIPT.py [ARGS]`: run a program that imports `sam2` on masklet.

The program sees `sys.argv`, `sys.path` and `__main__` as if python had started it itself; its
exceptions and exit codes are python's. A process that it starts anew does not inherit the alias.
"""

import io
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import NoReturn

from masklet.compat import alias

_USAGE = """\
usage: python -m masklet.compat SCRIPT.py [ARGS]
       python -m masklet.compat -m MODULE [ARGS]
       python -m masklet.compat -c CODE [ARGS]

Runs a program written for the official SAM 2 package on masklet: `import sam2` finds masklet's own
modules of that name. Nothing else changes for the program.
"""


def main(arguments: list[str]) -> None:
    """Run what the arguments say, in this process."""
    match arguments:
        case ["-h" | "--help", *_]:
            sys.stdout.write(_USAGE)
        case ["-m", module, *rest]:
            _run_module(module, rest)
        case ["-c", code, *rest]:
            _run_code(code, rest)
        case [script, *rest] if not script.startswith("-"):
            _run_script(script, rest)
        case _:
            _stop(f"expected a program to run.\n{_USAGE.rstrip()}")


def _run_module(module: str, arguments: list[str]) -> None:
    # runpy replaces the first entry by the module's path.
    sys.argv = [module, *arguments]
    alias.install()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_code(code: str, arguments: list[str]) -> None:
    sys.argv = ["-c", *arguments]
    _set_first_path("")
    _execute(code, "<string>", _new_main())


def _run_script(script: str, arguments: list[str]) -> None:
    path = os.path.abspath(script)  # noqa: PTH100 - python resolves no symlink here
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        _stop(f"can't open file {path!r}: {error.strerror}; expected a Python program.")
    sys.argv = [script, *arguments]
    _set_first_path(os.path.dirname(os.path.realpath(script)))  # noqa: PTH120 - but here it does
    main_module = _new_main()
    main_module.__file__ = path
    main_module.__loader__ = SourceFileLoader("__main__", path)
    _execute(source, path, main_module)


def _set_first_path(entry: str) -> None:
    # Python's option -P keeps the program's folder out, and its own first entry with it.
    if not sys.flags.safe_path:
        sys.path[0] = entry


def _new_main() -> ModuleType:
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    return module


def _execute(source: str | bytes, path: str, main_module: ModuleType) -> None:
    alias.install()
    program = compile(source, path, "exec", dont_inherit=True)
    exec(program, vars(main_module))  # noqa: S102 - to run a program is what was asked


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"masklet.compat: {message}\n")
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
