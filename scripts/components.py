#!/usr/bin/env python3
"""What the program is made of, from cargo's own metadata.

components.py sbom TARGET       CycloneDX 1.5 as JSON
components.py licences TARGET   every dependency with its licence, and the texts

TARGET is a triple such as x86_64-unknown-linux-musl. Only what becomes part of the binary counts: no development and no
build dependencies. Same input, same bytes: times come from SOURCE_DATE_EPOCH.
"""
import datetime, hashlib, json, os, re, subprocess, sys, uuid


def load(target):
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    meta = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {p["id"]: p for p in meta["packages"]}
    nodes = {n["id"]: n for n in meta["resolve"]["nodes"]}
    root = meta["resolve"]["root"]
    proc_macro = lambda i: any("proc-macro" in t["kind"] for t in packages[i]["targets"])
    edges, todo = {}, [root]
    while todo:
        at = todo.pop()
        if at in edges:
            continue
        normal = {d["pkg"] for d in nodes[at]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])}
        # A macro runs in the compiler, and so does all that it needs.
        edges[at] = sorted(i for i in normal if not proc_macro(i))
        todo += edges[at]
    return packages, edges, root


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    found = {"type": "library", "bom-ref": purl(package), "name": package["name"], "version": package["version"], "purl": purl(package)}
    if package.get("description"):
        found["description"] = " ".join(package["description"].split())
    if package.get("license"):
        found["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package.get("repository"):
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    digest = checksums.get((package["name"], package["version"]))
    if digest:
        found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return found


def sbom(packages, edges, root, target):
    lock = open("Cargo.lock").read()
    checksums = {m[:2]: m[2] for m in re.findall(r'name = "(.*?)"\nversion = "(.*?)"\nsource = .*\nchecksum = "(.*?)"', lock)}
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    order = sorted((i for i in edges if i != root), key=lambda i: purl(packages[i]))
    main = dict(component(packages[root], checksums), type="application")
    serial = uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256((lock + target).encode()).hexdigest())
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": main,
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [component(packages[i], checksums) for i in order],
        "dependencies": [
            {"ref": purl(packages[i]), "dependsOn": sorted({purl(packages[d]) for d in edges[i]})} for i in [root, *order]
        ],
    }


def licences(packages, edges, root):
    texts, lines = {}, []
    for i in sorted((i for i in edges if i != root), key=lambda i: purl(packages[i])):
        package = packages[i]
        name = f"{package['name']} {package['version']}"
        lines.append(f"{name}: {package.get('license') or 'see its file'}")
        folder = os.path.dirname(package["manifest_path"])
        for file in sorted(os.listdir(folder)):
            if re.match(r"(?i)(licen[cs]e|copying|notice|copyright)", file) and os.path.isfile(f"{folder}/{file}"):
                text = open(f"{folder}/{file}", encoding="utf-8", errors="replace").read().strip()
                texts.setdefault(text, []).append(f"{name} ({file})")
    page = ["camunda-backup contains these components, under these licences.\n", *lines, ""]
    for text, owners in sorted(texts.items(), key=lambda t: t[1]):
        page += ["=" * 80, *owners, "-" * 80, text, ""]
    return "\n".join(page)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("sbom", "licences"):
        sys.exit(__doc__)
    packages, edges, root = load(sys.argv[2])
    if sys.argv[1] == "sbom":
        print(json.dumps(sbom(packages, edges, root, sys.argv[2]), indent=1))
    else:
        print(licences(packages, edges, root))


main()
