"""Everything the screen knows and does, in one place: the actions, imported when first needed.

Each method is one action. Nothing here is imported before it is asked for, so the first frame
costs what the screen itself costs. Tests hand in another feed to draw exact pictures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcptui.actions.approve import Change
    from mcptui.actions.connect import ClientRow, Outcome
    from mcptui.actions.diagnose import Finding
    from mcptui.actions.install import Review
    from mcptui.actions.install_secrets import Given
    from mcptui.actions.network import Reach
    from mcptui.actions.problems import Problem
    from mcptui.actions.secrets import ServerSecret, StoredSecret
    from mcptui.actions.servers import ServerRow, ToolRow, Usage
    from mcptui.actions.sign_in import SignInRow
    from mcptui.catalog.load import CatalogFacts, CatalogRow
    from mcptui.clients.edit import Preview
    from mcptui.entry import Choices, Entry
    from mcptui.home import Home
    from mcptui.progress import Step
    from mcptui.runtime.plan import ContainerPlan
    from mcptui.store.rows import CallBody, CallRow, Installed, LogLine
    from mcptui.store.written import WrittenRow


class Feed:
    """The actions of one home. Every method may block: ask from a thread, but for `now`."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def now(self) -> float:
        """Unix seconds."""
        return self.home.clock()

    # ---- catalog

    def catalog(self) -> list[CatalogRow]:
        """Every server of the catalog."""
        from mcptui.actions.browse import catalog_rows

        return catalog_rows(self.home)

    def search(self, text: str) -> list[CatalogRow]:
        """What a query finds, best first."""
        from mcptui.actions.browse import search

        return search(self.home, text)

    def catalog_facts(self) -> CatalogFacts:
        """Version, age and signers."""
        from mcptui.actions.browse import catalog_facts

        return catalog_facts(self.home)

    def entry(self, name: str) -> Entry:
        """One server's facts."""
        from mcptui.actions.browse import entry_facts

        return entry_facts(self.home, name)

    def installed(self) -> dict[str, Installed]:
        """What is installed, by name."""
        return {row.name: row for row in self.home.store.installs()}

    def written(self, name: str) -> list[WrittenRow]:
        """What a server wrote in its last runs."""
        return self.home.store.written(name)

    def review(self, target: str, choices: Choices | None, secrets: Given) -> Review:
        """What an install would do."""
        from mcptui.actions.install import review

        return review(self.home, target, choices, secrets=secrets)

    def install(self, target: str, choices: Choices, secrets: Given) -> AsyncIterator[Step]:
        """Install."""
        from mcptui.actions.install import install

        return install(self.home, target, choices, secrets=secrets)

    # ---- secrets

    def secrets(self) -> list[StoredSecret]:
        """The stored secrets, without their values."""
        from mcptui.actions.secrets import secrets

        return secrets(self.home)

    def server_secrets(self) -> list[ServerSecret]:
        """What the installed servers declare."""
        from mcptui.actions.secrets import server_secrets

        return server_secrets(self.home)

    def sign_ins(self) -> list[SignInRow]:
        """How the sign-ins of installed servers stand."""
        from mcptui.actions.sign_in import sign_ins

        return sign_ins(self.home)

    def sign_in(self, server: str) -> AsyncIterator[Step]:
        """Sign in to a server."""
        from mcptui.actions.sign_in_steps import sign_in_steps

        return sign_in_steps(self.home, server)

    def sign_out(self, server: str) -> str:
        """Sign out of a server; returns what was done in words."""
        import asyncio

        from mcptui.actions.sign_in import revoke

        return asyncio.run(revoke(self.home, server))

    def stored_for(self, entry: Entry) -> frozenset[str]:
        """Which of an entry's secrets are stored already."""
        from mcptui.actions.install_secrets import stored_secrets

        return stored_secrets(self.home, entry, entry.id)

    def put_secret(self, name: str, value: str, servers: tuple[str, ...]) -> tuple[str, ...]:
        """Store a secret."""
        from mcptui.actions.put_secret import put_secret

        return put_secret(self.home, name, value, servers)

    def forget_secret(self, name: str) -> tuple[str, ...]:
        """Forget a secret."""
        from mcptui.actions.put_secret import forget_secret

        return forget_secret(self.home, name)

    def grant_secret(self, name: str, server: str, on: bool) -> None:
        """Give a stored secret to a server, or take it."""
        from mcptui.actions.put_secret import grant_secret, revoke_secret

        (grant_secret if on else revoke_secret)(self.home, name, server)

    # ---- servers

    def servers(self, usage: Mapping[str, Usage] | None = None) -> list[ServerRow]:
        """The installed servers."""
        from mcptui.actions.servers import servers

        return servers(self.home, usage)

    def usage(self) -> dict[str, Usage]:
        """What their containers take."""
        from mcptui.actions.servers import usage

        return usage(self.home)

    def tools(self, server: str) -> list[ToolRow]:
        """One server's tools."""
        from mcptui.actions.servers import tools_of

        return tools_of(self.home, server)

    def log(self, server: str, after: int = 0) -> list[LogLine]:
        """Lines of one server's log."""
        from mcptui.actions.servers import log_of

        return log_of(self.home, server, limit=5_000, after=after)

    def plan(self, server: str) -> ContainerPlan:
        """The exact container of one server."""
        from mcptui.actions.servers import plan_of

        return plan_of(self.home, server)

    def switch_server(self, name: str, on: bool) -> str:
        """Switch a server."""
        from mcptui.actions.switch import switch_server

        return switch_server(self.home, name, on)

    def switch_tool(self, server: str, tool: str, on: bool) -> str:
        """Switch a tool."""
        from mcptui.actions.switch import switch_tool

        return switch_tool(self.home, server, tool, on)

    def run(self, verb: str, name: str) -> str:
        """Start, stop or restart a server."""
        from mcptui.actions import run_server

        actions: dict[str, Callable[[Home, str], str]] = {
            "start": run_server.start,
            "stop": run_server.stop,
            "restart": run_server.restart,
        }
        return actions[verb](self.home, name)

    def remove(self, name: str, *, keep_image: bool = False) -> AsyncIterator[Step]:
        """Remove a server."""
        from mcptui.actions.remove import remove

        return remove(self.home, name, keep_image=keep_image)

    def update_words(self, name: str) -> list[str]:
        """What an update changes, tools' texts included; empty when there is nothing newer."""
        from mcptui.actions.update import update_review, words

        return words(update_review(self.home, name))

    def update(self, name: str) -> AsyncIterator[Step]:
        """Update a server."""
        from mcptui.actions.update import update

        return update(self.home, name)

    def changes(self, server: str) -> list[Change]:
        """Changed tools that wait for a decision."""
        from mcptui.actions.approve import changes

        return changes(self.home, server)

    def approve(self, server: str, tool: str) -> str:
        """Take a tool's new text."""
        from mcptui.actions.approve import approve

        return approve(self.home, server, tool)

    # ---- the network

    def reach(self, server: str) -> Reach:
        """What one server may reach and has reached."""
        from mcptui.actions.network import reach

        return reach(self.home, server)

    def allow_host(self, server: str, place: str, on: bool) -> str:
        """Allow a host to a server, or take it away."""
        from mcptui.actions.network import allow_host

        return allow_host(self.home, server, place, on)

    def learn_hosts(self, server: str) -> str:
        """Let every public host through to a server and note it."""
        from mcptui.actions.network import learn_hosts

        return learn_hosts(self.home, server)

    def lock_hosts(self, server: str) -> str:
        """Allow what a learning server used, and nothing else."""
        from mcptui.actions.network import lock_hosts

        return lock_hosts(self.home, server)

    def saw_hosts(self, server: str) -> None:
        """Somebody has looked at a server's refusals."""
        from mcptui.actions.network import saw_hosts

        saw_hosts(self.home, server)

    # ---- calls

    def call_changes(self, since: int) -> tuple[list[CallRow], int]:
        """Calls that began or ended since a cursor."""
        return self.home.store.call_changes(since)

    def newest_calls(self, limit: int) -> tuple[list[CallRow], int]:
        """The newest calls, oldest first, and the cursor that follows them."""
        cursor = self.home.store.call_cursor()
        return self.home.store.calls(limit=limit, newest=True), cursor

    def call_matcher(self, query: str) -> Callable[[CallRow], bool]:
        """Understands a filter once."""
        from mcptui.actions.calls import matcher

        return matcher(query, self.home.clock)

    def call_body(self, call: int) -> CallBody:
        """One call's request and answer."""
        from mcptui.actions.calls import body

        return body(self.home, call)[1]

    def export(self, query: str, path: Path) -> int:
        """Write calls to a file."""
        from mcptui.actions.calls import export

        return export(self.home, query, path)

    # ---- clients

    def clients(self) -> list[ClientRow]:
        """MCP clients of this machine."""
        from mcptui.actions.connect import clients

        return clients(self.home)

    def preview(self, client: str) -> Preview:
        """The exact change that connecting would make."""
        from mcptui.actions.connect import preview

        return preview(self.home, client)

    def connect(self, client: str) -> str:
        """Connect one."""
        from mcptui.actions.connect import connect

        return connect(self.home, client)

    def disconnect(self, client: str) -> str:
        """Disconnect one."""
        from mcptui.actions.connect import disconnect

        return disconnect(self.home, client)

    def connect_all(self) -> list[Outcome]:
        """Connect every client found."""
        from mcptui.actions.connect import connect_all

        return connect_all(self.home)

    # ---- everywhere

    def undo(self) -> str | None:
        """Take the last change back."""
        from mcptui.actions.undo import undo

        return undo(self.home)

    def problems(self) -> list[Problem]:
        """What needs a person."""
        from mcptui.actions.problems import problems

        return problems(self.home)

    def diagnose(self) -> AsyncIterator[Finding]:
        """The doctor's checks."""
        from mcptui.actions.diagnose import diagnose

        return diagnose(self.home)

    def fix(self, finding: str) -> AsyncIterator[Step]:
        """Do what a finding says."""
        from mcptui.actions.diagnose import fix

        return fix(self.home, finding)

    def engine(self) -> str:
        """The engine's name and version in a few words.

        Raises:
            TryAgain: none answers.
        """
        facts = self.home.engine().facts()
        return f"{facts.kind} {facts.version}"

    def changed(self) -> bool:
        """Whether something was stored since this thread last asked."""
        return self.home.store.changed()

    def recall(self, name: str, default: Any = None) -> Any:
        """What was remembered."""
        return self.home.store.recall(f"tui.{name}", default)

    def remember(self, name: str, value: Any) -> None:
        """Remember something small."""
        self.home.store.remember(f"tui.{name}", value)
