"""What a compiler does not see: formatting, and which folder may know which."""

from __future__ import annotations

import re
import subprocess

# A folder includes only itself and what stands before it.
LAYERS = ["bpf", "base", "net", "model", "config", "dataplane", "health", "programs", "redundancy", "telemetry",
          "director", "http", "api", "cli", "apps"]

# Libraries that one place alone may know.
KEPT_IN = {
    r"<bpf/(libbpf|bpf|btf)\.h>": ("src/dataplane/bpf/",),
    r"<boost/beast": ("src/http/",),
    r"<toml\+\+": ("src/config/",),
    r"<CLI/": ("src/cli/", "src/apps/"),
    r"<libmnl/": ("src/net/", "src/dataplane/bpf/"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<][^">]+[">])', re.MULTILINE)
CODE = (".c", ".h", ".cpp")


def test_everything_is_formatted(files):
    command = ["clang-format-19", "--dry-run", "--Werror", *map(str, files(*CODE))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_folders_include_only_what_stands_above_them(files, root):
    wrong = []
    for file in files(*CODE):
        parts = file.relative_to(root).parts
        if parts[0] != "src":
            continue
        own = LAYERS.index(parts[1])
        for include in INCLUDE.findall(file.read_text()):
            folder = include.strip('"<>').split("/")[0]
            if include[0] == '"' and folder in LAYERS and LAYERS.index(folder) > own:
                wrong.append(f"{file.relative_to(root)} includes {include}")
    assert wrong == []


def test_each_library_stays_in_its_place(files, root):
    wrong = []
    for file in files(*CODE):
        name = str(file.relative_to(root))
        for include in INCLUDE.findall(file.read_text()):
            for pattern, places in KEPT_IN.items():
                if name.startswith("src/") and re.match(pattern, include) and not name.startswith(places):
                    wrong.append(f"{name} includes {include}; only {', '.join(places)} may")
    assert wrong == []


def test_no_file_grows_beyond_800_lines(files, root):
    long = {str(file.relative_to(root)): lines for file in [*files(*CODE, ".py", ".cmake"), root / "run"]
            if (lines := file.read_text().count("\n")) > 800}
    assert long == {}
