"""ms-swift's door: `--external_plugins plugin/ontune_swift.py`."""
