"""`completion SHELL`: what a shell reads to complete the commands, and to have a short name for them.

`python starter.py` cannot be completed by a shell, for which `python` is the command. So the script defines a
command of its own. It is read whenever a shell begins, so nothing of the product is imported here. What is
completed comes from Typer: https://typer.tiangolo.com/tutorial/options-autocompletion/
"""

from __future__ import annotations

import re
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console.shell.completing import VARIABLE
from console.shell.examples import examples

app = typer.Typer()
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_BASH = r"""NAME() { PROGRAM "$@"; }
_NAME() {
    # Bash splits a word at ":". Here it is whole, and what follows its last ":" is put in.
    local line=${COMP_LINE:0:COMP_POINT} word
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    mapfile -t COMPREPLY < <(
        COMP_WORDS=$line COMP_CWORD=$((${#words[@]} - 1)) VARIABLE=complete_bash PROGRAM 2>/dev/null
    )
    word=${words[-1]}
    [[ $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
}
complete -o default -F _NAME NAME
"""
_ZSH = r"""NAME() { PROGRAM "$@" }
_NAME() {
    eval "$(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" VARIABLE=complete_zsh PROGRAM 2>/dev/null)"
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _NAME NAME
"""
_FISH = r"""function NAME; PROGRAM $argv; end
function __NAME
    set -lx _TYPER_COMPLETE_ARGS (commandline -cp)
    set -lx _TYPER_COMPLETE_FISH_ACTION get-args
    set -lx VARIABLE complete_fish
    PROGRAM 2>/dev/null
end
complete --command NAME --no-files --arguments "(__NAME)"
"""
_SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


@app.command(epilog=examples("completion bash", "completion zsh --name rb"))
def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that reads it.")],
    name: Annotated[str, typer.Option("--name", help="The short name for `python starter.py`.")] = "runbooks",
) -> None:
    """Print what makes a shell complete commands.

    In bash and zsh: source <(python starter.py completion bash). It defines a command that does what
    `python starter.py` does, from any directory, and completes it: commands, options, the IDs of incidents
    as Temporal has them, services and alerts.
    """
    if not _NAME.fullmatch(name):
        raise typer.BadParameter("small letters, digits, _ and - only", param_hint="--name")
    program = shlex.join([sys.executable, str(Path(sys.argv[0]).absolute())])
    words = {"NAME": name, "PROGRAM": program, "VARIABLE": VARIABLE}
    script = re.sub("NAME|PROGRAM|VARIABLE", lambda found: words[found[0]], _SCRIPTS[shell])
    Console().out(script, end="", highlight=False)
