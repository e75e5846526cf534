#!/usr/bin/env python3
"""Checks dist/: krew's manifest against krew's rules, archives against the manifest, the bill of materials, checksums."""
import hashlib, json, re, subprocess, sys, tarfile
from pathlib import Path

dist = Path(__file__).resolve().parent.parent / "dist"
bad = []


def want(true, text):
    if not true:
        bad.append(text)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# What krew's own validation (internal/index/validation) and its index demand.
text = (dist / "camunda-backup.yaml").read_text()
field = lambda name: re.findall(rf"^ *(?:- )?{name}: *(.*)$", text, re.M)
want(field("apiVersion") == ["krew.googlecontainertools.github.com/v1alpha2"], "apiVersion")
want(field("kind") == ["Plugin"], "kind")
want(re.fullmatch(r"[\w-]+", field("name")[0]) and not field("name")[0].startswith("kubectl"), "name")
want(dist.joinpath(field("name")[0] + ".yaml").exists(), "the file is called like the plugin")
want(re.fullmatch(r"v\d+\.\d+\.\d+(-[\w.]+)?", field("version")[0]), "version is v and semver")
want(0 < len(field("shortDescription")[0]) <= 50 and not field("shortDescription")[0].endswith("."), "shortDescription")
want(field("homepage")[0].startswith("https://"), "homepage")
uris, sums, bins, arches = field("uri"), field("sha256"), field("bin"), field("arch")
want(len(uris) == len(sums) == len(bins) == len(arches) == len(set(arches)) > 0, "each platform once, whole")
for uri, sha, program in zip(uris, sums, bins):
    want(uri.startswith("https://") and uri.endswith((".tar.gz", ".zip")), f"{uri}: https, tar.gz or zip")
    want(re.fullmatch("[0-9a-f]{64}", sha), f"{sha}: sha256 in lower case")
    want(".." not in program and not program.startswith("/"), f"{program}: inside of the archive")
    archive = dist / uri.rsplit("/", 1)[1]
    want(digest(archive) == sha, f"{archive.name} has another checksum")
    with tarfile.open(archive) as tar:
        members = {m.name.removeprefix("./"): m for m in tar.getmembers()}
        want(program in members and members[program].mode & 0o111, f"{archive.name}: {program} can be run")
        for name in ["LICENSE", "THIRD-PARTY-LICENCES.txt"]:
            want(members.get(name) and members[name].size > 1000, f"{archive.name}: {name}")
        texts = tar.extractfile(next(m for n, m in members.items() if n == "THIRD-PARTY-LICENCES.txt")).read().decode()
        for words in ["musl as a whole is licensed under", "The LLVM Project is under the Apache License", "The Rust Project is dual-licensed"]:
            want(words in texts, f"{archive.name}: the licence that says: {words}")

for path in dist.glob("*.cdx.json"):
    bom = json.loads(path.read_text())
    refs = {c["bom-ref"] for c in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    want(bom["bomFormat"] == "CycloneDX" and bom["specVersion"] == "1.5", f"{path.name}: CycloneDX 1.5")
    want(len(refs) == len(bom["components"]) + 1 > 100, f"{path.name}: each component once")
    want({"pkg:cargo/ring", "pkg:cargo/rustls", "pkg:cargo/tokio"} <= {r.rsplit("@", 1)[0] for r in refs}, f"{path.name}: the known ones")
    want({"musl", "zig", "libunwind", "rust-std", "gimli"} <= {c["name"] for c in bom["components"]}, f"{path.name}: what is linked beside crates")
    want(not any("proptest" in r for r in refs), f"{path.name}: nothing for development")
    want(all(d in refs for e in bom["dependencies"] for d in e["dependsOn"]), f"{path.name}: every reference leads somewhere")
    want(all("licenses" in c for c in bom["components"]), f"{path.name}: every component has a licence")

done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=dist)
want(done.returncode == 0, "SHA256SUMS")
print(*(f"test-dist: wrong: {b}" for b in bad), sep="\n", file=sys.stderr, end="\n" if bad else "")
sys.exit(bool(bad))
