"""shoal.toml for a lab, from a few settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from .topology import NAT_ROUTER, VIP, WEBS, Lab


@dataclass
class Service:
    name: str = "web"
    address: str = VIP
    label: str = "wan0:1"
    protocol: str = "tcp"
    port: int | str = 80
    scheduler: str = "wlc"
    service_timeout: str = "3s"
    reentry_time: str = "5s"
    # By real server; one that is missing here is not part of the pool.
    weights: dict[str, int] = field(default_factory=lambda: {name: 1 for name in WEBS})
    monitor: dict[str, object] = field(default_factory=lambda: {
        "send": "GET / HTTP/1.0\\r\\n\\r\\n", "expect": "HTTP", "interval": "500ms", "timeout": "400ms"})
    # Further settings of the virtual server, and of each real server, by their names in the file.
    options: dict[str, object] = field(default_factory=dict)
    server_options: dict[str, object] = field(default_factory=dict)
    # 4 or 6: of the real servers' addresses; None: as the virtual server's.
    server_family: int | None = None


@dataclass
class Mark:
    value: int
    ports: list[int | str]
    address: str = VIP
    protocol: str = "tcp"


@dataclass
class Settings:
    hook: str = "auto"
    table_size: int = 1 << 16
    manage_sysctl: bool = True
    timeouts: dict[str, str] = field(default_factory=dict)
    services: list[Service] = field(default_factory=lambda: [Service()])
    marks: list[Mark] = field(default_factory=list)
    # Each as in the file.
    notifications: list[dict[str, object]] = field(default_factory=list)


def value(item: object) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, list):
        return f"[{', '.join(map(value, item))}]"
    if isinstance(item, dict):
        return f"{{ {', '.join(f'{key} = {value(each)}' for key, each in item.items())} }}"
    return f"'{item}'"


def lines_of(section: str, items: dict[str, object]) -> list[str]:
    return [section, *(f"{key} = {value(item)}" for key, item in items.items()), ""]


def text(lab: Lab, settings: Settings) -> str:
    lines = ["[global]", "name = 'director-1'", f"network_type = '{lab.method}'",
             f"hook = '{settings.hook}'", f"table_size = {settings.table_size}",
             f"manage_sysctl = {value(settings.manage_sysctl)}"]
    if lab.method == "nat":
        lines.append(f"nat_router = {{ address = '{NAT_ROUTER}/24', device = 'lan0:1' }}")
    lines.append("")
    if settings.timeouts:
        lines += lines_of("[global.timeouts]", dict(settings.timeouts))
    for mark in settings.marks:
        lines += lines_of("[[mark]]", vars(mark))
    for notification in settings.notifications:
        lines += lines_of("[[notification]]", notification)
    for service in settings.services:
        lines += service_lines(lab, service)
    return "\n".join(lines)


def service_lines(lab: Lab, service: Service) -> list[str]:
    six = ":" in service.address
    servers_six = six if service.server_family is None else service.server_family == 6
    lines = lines_of("[[virtual_server]]", {
        "name": service.name, "active": True, "address": f"{service.address}/{64 if six else 24}", "device": service.label,
        "protocol": service.protocol, "port": service.port, "scheduler": service.scheduler,
        "service_timeout": service.service_timeout, "reentry_time": service.reentry_time, **service.options})
    lines += lines_of("[virtual_server.monitor]", service.monitor)
    for name, weight in service.weights.items():
        lines += lines_of("[[virtual_server.real_server]]", {
            "name": name, "address": lab.web_address6(name) if servers_six else lab.web_address(name),
            "weight": weight, "active": True,
            **service.server_options})
    return lines
