"""What a conversion did."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tqdm import tqdm

from ...errors import EtcError


@dataclass
class Report:
    """What a run did.

    Attributes:
        images: source images converted in this run.
        resumed: source images whose outputs an earlier run had finished.
        bad: one line for each image left out because it is bad (with ``skip_bad``).
        left_out: files that are not images by their name; they were not copied.
    """

    images: int = 0
    resumed: int = 0
    bad: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def follow(self, done: Iterable["Report"], total: int, desc: str, progress: bool) -> "Report":
        """Add up the reports of parts as they come, with a progress bar over `total` images."""
        with tqdm(
            total=total, initial=self.resumed, desc=desc, unit="image", disable=None if progress else True
        ) as bar:
            for part in done:
                self.add(part)
                bar.update(part.done)
        self.bad.sort()
        return self

    @property
    def done(self) -> int:
        """Number of source images that were seen to."""
        return self.images + self.resumed + len(self.bad)

    def expect(self, images: int) -> "Report":
        """This, if as many source images were seen to, once each.

        Raises:
            EtcError: an executor lost some, or did some twice.
        """
        if self.done != images:
            raise EtcError(f"{self.done} images were seen to, not {images}; run again to make what is missing")
        return self

    def add(self, part: "Report") -> None:
        self.images += part.images
        self.resumed += part.resumed
        self.bad += part.bad
