"""One process of a host, told apart from every other that has had or will have its number."""

from __future__ import annotations

from models.base import Model


class ProcessIdentity(Model):
    """What a PID alone does not say. It stays the same until the process ends or runs another program."""

    boot: str
    """The kernel's ID of the boot since which `started` counts."""
    started: int
    """Clock ticks from boot to the start, exactly as the kernel has them."""
    executable: str
    device: int
    inode: int
    """The file that runs: another one may have been put at its path."""
    owner: int
    """The real user ID."""

    def beside(self, seen: ProcessIdentity) -> str:
        """In words, how the process that was seen later differs; empty for the same one."""
        differs = []
        if (seen.boot, seen.started) != (self.boot, self.started):
            differs.append("it started at another time")
        if (seen.executable, seen.device, seen.inode) != (self.executable, self.device, self.inode):
            another = seen.executable if seen.executable != self.executable else "another file at its path"
            differs.append(f"it runs {another} instead of {self.executable}")
        if seen.owner != self.owner:
            differs.append(f"it belongs to user {seen.owner} instead of {self.owner}")
        return ", ".join(differs)
