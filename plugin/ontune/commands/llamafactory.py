"""`ontune llamafactory …`: llamafactory-cli with the plugin installed explicitly."""

import click

__all__ = ["command"]


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run `llamafactory-cli ARGUMENTS…` where TORCH_DEVICE_BACKEND_AUTOLOAD=0 keeps plugins out.

    Everything goes to LLaMA-Factory as it is, --json and --help too.
    """
    from ontune.frameworks.llamafactory import run_cli

    run_cli(arguments)
