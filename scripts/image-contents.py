#!/usr/bin/env python3
"""What is in the archive of an image (OCI layout, or `docker save`): what it runs as, its labels, and each of its files
with mode, owner and checksum. Two images that print the same are the same to whoever runs them.
    image-contents.py ARCHIVE
"""
import gzip
import hashlib
import io
import json
import sys
import tarfile


def config_and_layers(archive, names):
    """The image's config, and its layers as uncompressed bytes, the lowest first."""
    def read(name):
        return archive.extractfile(names[name]).read()

    def blob(descriptor):
        return read("blobs/" + descriptor["digest"].replace(":", "/"))

    if "index.json" in names:
        manifest = json.loads(blob(json.loads(read("index.json"))["manifests"][0]))
        config, layers = json.loads(blob(manifest["config"])), [blob(layer) for layer in manifest["layers"]]
    else:
        manifest = json.loads(read("manifest.json"))[0]
        config, layers = json.loads(read(manifest["Config"])), [read(layer) for layer in manifest["Layers"]]
    return config, [gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer for layer in layers]


def files(layers):
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                if member.isdir():
                    continue
                kind = "file" if member.isfile() else "other"
                content = hashlib.sha256(tar.extractfile(member).read()).hexdigest() if member.isfile() else member.linkname
                yield f"{kind} /{member.name.lstrip('./')} {member.mode & 0o7777:04o} {member.uid}:{member.gid} {content}"


def main():
    with tarfile.open(sys.argv[1]) as archive:
        config, layers = config_and_layers(archive, {member.name.removeprefix("./"): member for member in archive})
    runs = config["config"]
    print("platform", config["os"] + "/" + config["architecture"])
    print("user", runs.get("User"))
    print("entrypoint", json.dumps(runs.get("Entrypoint")))
    print("command", json.dumps(runs.get("Cmd") or []))
    print("workdir", runs.get("WorkingDir") or "/")
    # buildah marks what it has built.
    for key, value in sorted((runs.get("Labels") or {}).items()):
        if key != "io.buildah.version":
            print("label", key, value)
    print("\n".join(sorted(files(layers))))


main()
