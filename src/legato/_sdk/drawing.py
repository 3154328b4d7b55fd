"""What a flow calls, as text for Mermaid and for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from legato._sdk.dry_run import Node
from legato._sdk.exceptions import GraphvizImportError


def mermaid(nodes: Sequence[Node]) -> str:
    """Return a flowchart; what a subflow calls stands inside of it."""
    names = {node.id: f"n{number}" for number, node in enumerate(nodes)}
    lines = ["flowchart TD", *_block(nodes, names, None, 1)]
    lines += [f"    {names[a]} --> {names[b]}" for a, b in _edges(nodes)]
    return "\n".join(lines) + "\n"


def _block(
    nodes: Sequence[Node], names: dict[UUID, str], inside: UUID | None, depth: int
) -> Iterator[str]:
    indent = "    " * depth
    for node in nodes:
        if node.inside != inside:
            continue
        if any(other.inside == node.id for other in nodes):
            yield f"{indent}subgraph {names[node.id]}[{_quoted(node.name)}]"
            yield from _block(nodes, names, node.id, depth + 1)
            yield f"{indent}end"
        elif node.is_flow:
            yield f"{indent}{names[node.id]}[[{_quoted(node.name)}]]"
        else:
            yield f"{indent}{names[node.id]}[{_quoted(node.name)}]"


def _edges(nodes: Sequence[Node]) -> Iterator[tuple[UUID, UUID]]:
    known = {node.id for node in nodes}
    return ((above, node.id) for node in nodes for above in node.upstream if above in known)


def _quoted(name: str) -> str:
    return f'"{name.replace("#", "#35;").replace(chr(34), "#quot;")}"'


def dot(name: str, nodes: Sequence[Node]) -> str:
    """Return the graph in the language of Graphviz."""
    names = {node.id: f"n{number}" for number, node in enumerate(nodes)}
    lines = [f"digraph {_escaped(name)} {{"]
    for node in nodes:
        shape = "box3d" if node.is_flow else "box"
        lines.append(f"    {names[node.id]} [label={_escaped(node.name)} shape={shape}]")
    lines += [f"    {names[a]} -> {names[b]}" for a, b in _edges(nodes)]
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def show(name: str, nodes: Sequence[Node]) -> None:
    """Draw with Graphviz into a file named after the flow, and open it."""
    try:
        graphviz: Any = __import__("graphviz")
    except ImportError:
        raise GraphvizImportError(
            "Drawing takes Graphviz: `pip install graphviz` and its programs "
            "(https://graphviz.org/download). Without it, `print(flow.generate_mermaid_graph())` "
            "gives the same as text for Mermaid."
        ) from None
    graphviz.Source(dot(name, nodes), filename=name).render(view=True, cleanup=True)
