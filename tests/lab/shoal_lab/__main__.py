"""`./run lab up|down|shell NODE`: a lab that stays until it is taken down."""

from __future__ import annotations

import os
import sys

from .director import Director
from .configuration import Settings
from .servers import start_web_servers
from .topology import VIP, Lab, remove_leftovers

USAGE = """./run lab up [nat|direct]   three web servers, a client and a director that serves 192.0.2.80
./run lab shell NODE        a shell in client, director, web-1, web-2, web-3 or switch
./run lab down              takes it down, and what killed tests or demos left"""


def up(method: str) -> None:
    lab = Lab(method, "lab")
    lab.up(owner=0)
    start_web_servers(lab)
    director = Director(lab, Settings())
    director.start()
    director.wait_until_serving()
    print(f"""The lab is up. Try
  ./run lab shell client       then: curl http://{VIP}/ (again and again)
  {' '.join(director.command('status'))}
Configuration {director.configuration}, log {director.log}
./run lab down takes it down.""")


def shell(lab: Lab, name: str) -> None:
    node = next((node for node in lab.nodes if node.name == name), None)
    if node is None or not lab.directory.exists():
        sys.exit(f"no node \"{name}\" in a running lab; ./run lab up starts one, its nodes are "
                 + ", ".join(node.name for node in lab.nodes))
    words = node.command(os.environ.get("SHELL", "/bin/bash"))
    os.execvpe(words[0], words, {**os.environ, "PS1": f"{name}# ", "debian_chroot": name})


def main(words: list[str]) -> None:
    match words:
        case ["up"]:
            up("nat")
        case ["up", "nat" | "direct" as method]:
            up(method)
        case ["down"]:
            Lab(name="lab").down()
            for name in remove_leftovers():
                print(f"also removed: {name}")
        case ["shell", name]:
            shell(Lab(name="lab"), name)
        case _:
            sys.exit(USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
