"""ms-swift's door: `--external_plugins plugin/ontune_swift.py`."""

from ontune.frameworks.swift import install

install()
