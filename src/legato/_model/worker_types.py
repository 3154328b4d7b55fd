"""The kinds of workers that a work pool can be for, in the form in which clients read them."""

from __future__ import annotations

from typing import Any

# The fields of a job: type of the JSON schema, title, and what it is for.
_VARIABLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "name": ({"type": "string"}, "Name", "What the process of a flow run is called."),
    "env": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        "Environment Variables",
        "Variables that are set for the process besides those of the worker.",
    ),
    "labels": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        "Labels",
        "Labels that the process is known by.",
    ),
    "command": (
        {"type": "string"},
        "Command",
        "The command that starts the flow run; without one the worker writes it.",
    ),
    "stream_output": (
        {"type": "boolean", "default": True},
        "Stream Output",
        "Whether the worker prints what the process prints.",
    ),
    "working_dir": (
        {"type": "string", "format": "path"},
        "Working Directory",
        "The folder in which the process starts; without one it gets a new one.",
    ),
}

WORKER_TYPES: dict[str, dict[str, Any]] = {
    "prefect": {
        "process": {
            "type": "process",
            "display_name": "Process",
            "description": "Each flow run is a process on the machine of the worker.",
            "install_command": "",
            "documentation_url": "",
            "logo_url": "",
            "is_beta": False,
            "default_base_job_configuration": {
                "job_configuration": {name: f"{{{{ {name} }}}}" for name in _VARIABLES},
                "variables": {
                    "type": "object",
                    "properties": {
                        name: {"title": title, "description": text, **schema}
                        for name, (schema, title, text) in _VARIABLES.items()
                    },
                },
            },
        }
    }
}
"""By package, as Prefect's clients look for them, and by type."""
