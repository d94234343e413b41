"""Documents that say what is so."""

from __future__ import annotations

import re

LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_links_lead_to_files_that_exist(files, root):
    broken = []
    for document in files(".md"):
        for target in LINK.findall(document.read_text()):
            if "://" not in target and not (document.parent / target).exists():
                broken.append(f"{document.relative_to(root)}: {target}")
    assert broken == []


def test_the_documents_of_a_project_are_there(root):
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"):
        assert (root / name).stat().st_size > 200, name


def test_commands_that_documents_name_exist(files, root):
    """Each `./run WORD` in a document is one of run's."""
    known = set(re.findall(r"^\./run (\w+)", (root / "run").read_text(), re.MULTILINE))
    named = {word for document in files(".md") for word in re.findall(r"\./run (\w+)", document.read_text())}
    assert named and named <= known, named - known


def test_no_path_of_a_developers_machine_is_in_the_tree(files, root):
    pattern = re.compile("/" + "home/\\w+/|/" + "root/|/" + "tmp/wt|" + "/" + "work/")
    found = [str(file.relative_to(root)) for file in files()
             if file.suffix != "" and pattern.search(file.read_text(errors="replace"))]
    assert found == []


def test_every_message_has_a_level_and_a_sentence(root):
    text = (root / "src/base/messages.def").read_text()
    messages = re.findall(r'^SHOAL_MESSAGE\((\w+), (\w+), "([^"]+)"\)', text, re.MULTILINE)
    assert len(messages) == len(re.findall(r"^SHOAL_MESSAGE", text, re.MULTILINE))
    assert len({name for name, _, _ in messages}) == len(messages)
    for name, level, sentence in messages:
        assert level in ("debug", "info", "warn", "error") and sentence.endswith("."), name
