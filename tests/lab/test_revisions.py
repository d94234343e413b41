"""The configuration in force: changed on trial, across crashes, by two people, and by hand."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time

import pytest

from shoal_lab.configuration import Service, Settings, text
from shoal_lab.load import LoadProcess, sequential
from shoal_lab.shell import CommandFailed, end, run, wait_for
from shoal_lab.topology import SECOND_VIP, VIP, WEBS

ONE = Settings(services=[Service(scheduler="rr", weights={"web-1": 1, "web-2": 1})])
OTHER = Settings(services=[Service(scheduler="rr", weights={"web-1": 3, "web-3": 1})])


@pytest.fixture
def director(make_bench):
    return make_bench(ONE).director


def weights(director) -> dict[str, int]:
    return {server["name"]: server["weight_in_force"]
            for server in director.status()["virtual_servers"][0]["real_servers"] if server["in_pool"]}


def wait_for_weights(director, expected: dict[str, int], timeout: float = 20) -> None:
    wait_for(f"the pool is {expected}", lambda: weights(director) == expected, timeout)


def revision(director) -> dict:
    return director.status()["revision"]


def states(director) -> dict[int, str]:
    listed = json.loads(director.shoal("revisions", "--json"))["revisions"]
    return {each["number"]: each["state"] for each in listed}


def refused(director, *words) -> str:
    done = subprocess.run(director.command(*words), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


BEFORE, AFTER = {"web-1": 1, "web-2": 1}, {"web-1": 3, "web-3": 1}


def test_a_change_is_a_revision_that_can_be_compared_and_restored(director):
    said = director.shoal("apply", director.write(OTHER), "--comment", "web-3 is new")
    assert "revision 2, instead of revision 1" in said
    wait_for_weights(director, AFTER)
    listed = json.loads(director.shoal("revisions", "--json"))["revisions"]
    assert [(each["number"], each["author"], each["comment"], each["state"]) for each in listed] == [
        (2, "root", "web-3 is new", "in force"), (1, "file", "found at the start of shoald", "earlier")]
    difference = director.shoal("diff", "1", "2")
    assert "-weight = 1\n+weight = 3\n" in difference, difference
    director.shoal("restore", "1")
    wait_for_weights(director, BEFORE)
    assert director.shoal("diff", "1") == ""
    assert director.configuration.read_text() == text(director.lab, ONE)


def test_a_trial_that_nobody_confirms_ends_by_itself(director):
    director.shoal("apply", director.write(OTHER), "--confirm", "3s")
    assert director.configuration.read_text() == text(director.lab, ONE)
    wait_for_weights(director, BEFORE)
    assert states(director) == {1: "in force", 2: "taken back"}


def test_a_confirmed_trial_stays(director):
    director.shoal("apply", director.write(OTHER), "--confirm", "10m")
    assert "on trial" in refused(director, "apply", director.write(ONE))
    wait_for_weights(director, AFTER)
    director.shoal("confirm")
    assert director.configuration.read_text() == text(director.lab, OTHER)
    director.restart()
    assert states(director) == {1: "earlier", 2: "in force"}
    wait_for_weights(director, AFTER)


def test_a_trial_outlives_a_killed_shoald(director):
    director.shoal("apply", director.write(OTHER), "--confirm", "10m")
    director.restart()
    assert revision(director)["former"] == 1
    wait_for_weights(director, AFTER)
    director.shoal("revert")
    wait_for_weights(director, BEFORE)


def test_a_trial_ends_while_shoald_is_dead(director):
    director.shoal("apply", director.write(OTHER), "--confirm", "5s")
    until = revision(director)["confirm_until_ms"]
    director.kill()
    wait_for("the time to confirm is over", lambda: time.time() * 1000 > until, 20)
    director.start()
    wait_for_weights(director, BEFORE)
    assert states(director) == {1: "in force", 2: "taken back"}


def test_the_second_of_two_editors_learns_what_both_changed(director):
    director.apply(OTHER)
    third = Settings(services=[Service(scheduler="rr", weights={"web-1": 7, "web-2": 1})])
    said = refused(director, "apply", director.write(third), "--expect", "1")
    assert "revision 2 by root is in force, not revision 1" in said
    assert "virtual_server web, real_server web-1, weight" in said
    wait_for_weights(director, AFTER)


def test_a_file_edited_by_hand_is_told_and_in_force_after_a_signal(director):
    director.configuration.write_text(text(director.lab, OTHER))
    assert revision(director)["file_is_edited"]
    assert "shoal diff file" in director.shoal("status")
    assert "-weight = 1\n+weight = 3\n" in director.shoal("diff", "file")
    assert weights(director) == BEFORE
    director.process.send_signal(signal.SIGHUP)
    wait_for_weights(director, AFTER)
    assert not revision(director)["file_is_edited"]
    assert revision(director)["author"] == "file"


def test_a_broken_file_changes_nothing_not_even_at_the_next_start(director):
    director.apply(OTHER)
    wait_for_weights(director, AFTER)
    director.configuration.write_text("[global]\nname = 7\n")
    assert "name" in refused(director, "reload")
    director.restart()
    wait_for_weights(director, AFTER)
    assert any("revision 2 is in force instead" in problem for problem in director.status()["problems"])
    assert sum(sequential(director.lab.client, VIP, 4).values()) == 4
    director.configuration.write_text(text(director.lab, ONE))
    director.shoal("reload")
    wait_for_weights(director, BEFORE)


def test_a_change_that_the_kernel_refuses_is_taken_back_as_a_whole(director):
    """An address that the administrator's own policy keeps off: IPv6 is switched off on the device."""
    director.node.run("sysctl", "-qw", "net.ipv6.conf.wan0.disable_ipv6=1")
    six = Service(name="six", scheduler="rr", weights={"web-1": 1}, address="2001:db8::80", label="wan0:2")
    with pytest.raises(CommandFailed, match="2001:db8::80"):
        director.apply(Settings(services=[*OTHER.services, six]))
    wait_for_weights(director, BEFORE)
    assert director.configuration.read_text() == text(director.lab, ONE)
    assert states(director)[2] == "taken back"


def ask(director, method: str, target: str, body: object = None, if_match: str = "") -> tuple[int, dict, str]:
    """By shoald's socket: the status, the answer, and its ETag."""
    words = ["curl", "-sS", "--max-time", "60", "--unix-socket", director.socket, "-X", method, "-D", "-"]
    words += ["-H", f"If-Match: {if_match}"] if if_match else []
    sent = body if isinstance(body, str) else json.dumps(body)
    words += ["--data-binary", sent] if body is not None else []
    said = run(*words, f"http://localhost/api/v1/{target}")
    head, _, text_of_body = said.replace("\r\n", "\n").partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.split("\n")[1:])
    return int(head.split()[1]), json.loads(text_of_body), headers.get("ETag", "")


def test_one_table_is_changed_and_the_rest_of_the_text_stays(director):
    commented = "# ours\n" + text(director.lab, ONE).replace("weight = 1", "weight   = 1  # small", 1)
    director.configuration.write_text(commented)
    director.shoal("reload")
    one = "virtual-servers/web/real-servers/web-1"
    status, server, tag = ask(director, "GET", one)
    assert (status, server["weight"]) == (200, 1)
    status, said, _ = ask(director, "PUT", f"{one}?comment=larger", {**server, "weight": 3}, tag)
    assert (status, said["revision"]["comment"]) == (200, "larger"), said
    wait_for_weights(director, {"web-1": 3, "web-2": 1})
    assert director.configuration.read_text() == commented.replace("weight   = 1", "weight   = 3")
    status, said, _ = ask(director, "PUT", one, {**server, "weight": 7}, tag)
    assert status == 412
    assert [each["field"] for each in said["fields"]] == ["virtual_server web, real_server web-1, weight"]
    third = {"name": "web-3", "address": director.lab.web_address("web-3")}
    assert ask(director, "POST", "virtual-servers/web/real-servers", third)[0] == 200
    assert ask(director, "DELETE", "virtual-servers/web/real-servers/web-2")[0] == 200
    wait_for_weights(director, AFTER)
    assert ask(director, "DELETE", "virtual-servers/web/real-servers/web-2")[0] == 404


def test_a_draft_outlives_shoald_and_is_gone_when_it_is_in_force(director):
    assert ask(director, "GET", "candidate")[0] == 404
    assert ask(director, "PUT", "candidate", text(director.lab, OTHER))[0] == 200
    director.restart()
    assert ask(director, "GET", "candidate")[1]["text"] == text(director.lab, OTHER)
    status, plan, _ = ask(director, "POST", "candidate/plan")
    assert status == 200 and "weight of web-1: 1 -> 3" in [change["what"] for change in plan["changes"]]
    assert ask(director, "POST", "candidate/apply?comment=at+last")[0] == 200
    wait_for_weights(director, AFTER)
    assert ask(director, "GET", "candidate")[0] == 404


def any_settings(chance: random.Random) -> Settings:
    services = [Service(weights={name: chance.randrange(1, 10) for name in WEBS},
                        scheduler=chance.choice(["wlc", "wrr", "rr"]))]
    if chance.random() < 0.5:
        services.append(Service(name="shop", address=SECOND_VIP, label="wan0:2"))
    return Settings(services=services)


def test_killed_at_random_points_of_changes_it_has_the_old_or_the_new_one(make_bench):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    now = any_settings(chance)
    bench = make_bench(now)
    director = bench.director
    load = LoadProcess(bench.client, VIP, new=2, keep_alive=8, pause=0.005, seconds=300)
    load.wait_for_requests(100)
    for _ in range(12):
        trial = chance.random() < 0.3
        following = now
        while following == now:
            following = any_settings(chance)
        now = following if killed_during(director, following, trial, chance) else now
        assert director.configuration.read_text() == text(director.lab, now)
        assert not revision(director)["file_is_edited"]
        wait_for_weights(director, now.services[0].weights)
        assert len(director.status()["virtual_servers"]) == len(now.services)
        load.wait_for_requests(load.now["requests"] + 50)
    result = load.stop()
    assert (result["failed"], result["broken"]) == (0, 0), result["failures"][:5]


def killed_during(director, following: Settings, trial: bool, chance: random.Random) -> bool:
    """Kills shoald during a change, and lets the next one come up. Whether the change is in force."""
    number = revision(director)["number"]
    words = ["apply", director.write(following), *(["--confirm", "10m"] if trial else [])]
    apply = subprocess.Popen(director.command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0, 0.15))
    done = apply.poll() == 0
    director.kill()
    end(apply)
    director.start()
    at = revision(director)
    assert at["number"] > number if done else at["number"] >= number
    assert (at.get("confirm_until_ms") is not None) == (trial and at["number"] > number)
    if trial and at["number"] > number:
        director.shoal(chance.choice(["confirm", "revert"]))
    return revision(director)["number"] > number
