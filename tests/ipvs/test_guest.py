"""On Linux 6.1: kernel IPVS and Shoal side by side, the kernel at the end of Shoal's tunnels, and Shoal's own tests."""

import guest


def test_the_guest_runs_linux_6_1_and_ends_by_itself(console):
    assert any(line.startswith("guest: Linux 6.1.") for line in console), "\n".join(console[-40:])
    assert guest.CLOSING in console, "\n".join(console[-40:])


def test_everything_that_the_guest_needs_was_there(console):
    assert [line for line in console if line.startswith("guest: cannot")] == []


def test_in_the_guest(case, results, console):
    assert case in results, f"{case} did not run:\n" + "\n".join(console[-40:])
    assert results[case].passed, "\n".join(results[case].lines)
