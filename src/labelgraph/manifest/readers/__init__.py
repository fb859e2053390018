"""One file per dataset: `read(root, **options)` turns an unpacked archive into a manifest."""
