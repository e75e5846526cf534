#!/usr/bin/env python3
"""What the program is made of, from cargo's own metadata; for musl also what `make static` links into it beside that.

components.py sbom TARGET       CycloneDX 1.5 as JSON
components.py licences TARGET   every dependency with its licence, and the texts

TARGET is a triple such as x86_64-unknown-linux-musl. For musl, std's sources and zig have to be where scripts/static.sh
puts them. Only what becomes part of the binary counts: no development and no build dependencies. Same input, same bytes: times come from SOURCE_DATE_EPOCH.
"""
import datetime, glob, hashlib, json, os, re, subprocess, sys, uuid


RUST = "/usr/lib/rustlib/src/rust"
TOOLS = os.environ.get("STATIC_TOOLS") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "camunda-backup-static"
)


def metadata(target, roots, *arguments, **variables):
    """Packages by ID, and the normal dependencies of each that `roots` (None: the package itself) need."""
    env = dict(os.environ, **variables)
    command = [env.get("CARGO", "cargo"), "metadata", "--format-version=1", "--locked", "--filter-platform", target, *arguments]
    meta = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout)
    packages = {p["id"]: p for p in meta["packages"]}
    nodes = {n["id"]: n for n in meta["resolve"]["nodes"]}
    proc_macro = lambda i: any("proc-macro" in t["kind"] for t in packages[i]["targets"])
    todo = [i for i in packages if packages[i]["name"] in roots] if roots else [meta["resolve"]["root"]]
    edges = {}
    while todo:
        at = todo.pop()
        if at in edges:
            continue
        normal = {d["pkg"] for d in nodes[at]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])}
        # A macro runs in the compiler, and so does all that it needs.
        edges[at] = sorted(i for i in normal if not proc_macro(i))
        todo += edges[at]
    return packages, edges


def load(target):
    packages, edges = metadata(target, None)
    root = next(i for i in edges if packages[i]["name"] == "camunda-backup")
    if target.endswith("-musl"):
        linked = list(beside(target, packages, edges))
        packages |= {p["id"]: p for p in linked}
        edges |= {p["id"]: [] for p in linked if p["id"] not in edges}
        edges[root] = sorted({*edges[root], *(p["id"] for p in linked)})
    return packages, edges, root


def beside(target, packages, edges):
    """std with its crates, libc, and what unwinds: scripts/static.sh builds and links them."""
    rustc = subprocess.run(["/usr/bin/rustc", "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    # As cargo's -Zbuild-std does, with its default features.
    std, needed = metadata(
        target, ("std", "panic_abort"), "--manifest-path", f"{RUST}/library/sysroot/Cargo.toml", "--features", "backtrace,panic-unwind",
        RUSTC_BOOTSTRAP="1", RUSTC="/usr/bin/rustc", CARGO="/usr/bin/cargo",
    )
    known = {(packages[i]["name"], packages[i]["version"]) for i in edges}
    own = [std[i] for i in needed if not std[i]["source"]]
    for i in needed:
        if std[i]["source"] and (std[i]["name"], std[i]["version"]) not in known:
            yield std[i]
    each = {term.strip("()") for p in own for term in p["license"].split(" AND ")}
    terms = " AND ".join(sorted(f"({term})" if " OR " in term else term for term in each))
    yield other("rust-std", rustc, terms, RUST, f"pkg:generic/rust-std@{rustc}", "The standard library of Rust")
    zig = min(glob.glob(f"{TOOLS}/venv/lib/python3*/site-packages/ziglang"), default=None)
    if not zig:
        sys.exit(f"there is no zig in {TOOLS}: make static installs it")
    text = lambda path: open(f"{zig}/lib/{path}").read()
    musl = re.search(r'VERSION "(.*?)"', text("libc/musl/src/internal/version.h"))[1]
    unwind = int(re.search(r"_LIBUNWIND_VERSION (\d+)", text("libunwind/include/__libunwind_config.h"))[1])
    unwind = f"{unwind // 1000}.{unwind // 100 % 10}.{unwind % 100}"
    yield other("musl", musl, "MIT", f"{zig}/lib/libc/musl", f"pkg:generic/musl@{musl}", "The C library")
    # Some of what belongs to a C library, and what the compiler calls, is zig's own.
    version = subprocess.run([f"{zig}/zig", "version"], check=True, capture_output=True, text=True).stdout.strip()
    yield other("zig", version, "MIT", zig, f"pkg:generic/zig@{version}", "Parts of the C library, and compiler-rt")
    yield other("libunwind", unwind, "Apache-2.0 WITH LLVM-exception", f"{zig}/lib/libunwind", f"pkg:generic/llvm-libunwind@{unwind}",
                "LLVM's unwinder")


def other(name, version, license, folder, purl, description):
    return {"id": purl, "purl": purl, "name": name, "version": version, "license": license, "description": description,
            "manifest_path": f"{folder}/Cargo.toml"}


def purl(package):
    return package.get("purl") or f"pkg:cargo/{package['name']}@{package['version']}"


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
