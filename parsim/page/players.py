"""The players of the pages that are open: one for each scenario that a page shows."""

from __future__ import annotations

import threading
from collections import OrderedDict

from parsim.page.bounds import MOST_PLAYERS
from parsim.page.player import Player


class Players:
    """At most `MOST_PLAYERS` players; a further page gets the one that was asked longest ago.

    Parameters
    ----------
    file : the file that the pages opened.
    files : Python files that add entries to the shelves.
    """

    def __init__(self, file: str, files: tuple[str, ...]) -> None:
        self._about = (file, files)
        self._lock = threading.Lock()
        self._free: list[Player] = []
        self._by_page: OrderedDict[str, Player] = OrderedDict()
        threading.Thread(target=self._first, daemon=True).start()  # while the browser opens the page

    def _first(self) -> None:
        with self._lock:
            self._free.append(Player(*self._about))

    def of(self, page: str) -> Player:
        """Return the player of *page*."""
        with self._lock:
            if page not in self._by_page:
                if len(self._by_page) == MOST_PLAYERS:
                    self._free.append(self._by_page.popitem(last=False)[1])
                self._by_page[page] = self._free.pop() if self._free else Player(*self._about)
            self._by_page.move_to_end(page)
            return self._by_page[page]

    def close(self) -> None:
        """End all processes."""
        for player in (*self._by_page.values(), *self._free):
            player.close()
